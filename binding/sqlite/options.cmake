# How SQLite is compiled: every option once, with its reason. Meanings: sqlite.org/compile.html
#
# A flag stands without a value (the compiler defines it as 1), an option with a value as NAME=VALUE.
# What stands in AIOSQLITE_SQLITE_OPTIONS is asserted when the addon is loaded (see sqlite_options.h.in).

set(AIOSQLITE_SQLITE_VERSION 3.53.4)
set(AIOSQLITE_SQLITE_SHA256 b1dd5d74ec7f29055a6684fa06fb3c2f6821c87dd38f9a458dfd2e8a1db28189)

set(AIOSQLITE_SQLITE_OPTIONS
    # Threads and safety
    SQLITE_THREADSAFE=2                # Multi-thread: one worker owns each connection, so no mutex per connection is needed.
    SQLITE_DQS=0                       # "text" is a name, never a string: a mistyped column is an error, not a constant.
    SQLITE_STRICT_SUBTYPE              # A SQL function that returns a subtype must say so; without it that is a silent bug.
    SQLITE_DEFAULT_FOREIGN_KEYS        # Foreign keys are enforced unless a connection asks otherwise.
    SQLITE_DEFAULT_SYNCHRONOUS=2       # FULL: an acknowledged write survives power loss …
    SQLITE_DEFAULT_WAL_SYNCHRONOUS=2   # … in WAL mode too.
    SQLITE_DEFAULT_FILE_PERMISSIONS=0600  # New files are their owner's alone; journal and WAL take the database's mode.
    SQLITE_OMIT_DEPRECATED             # Nothing here calls what SQLite has deprecated.

    # Speed and memory
    SQLITE_DEFAULT_MEMSTATUS=0         # Memory statistics take a global mutex on every allocation.
    SQLITE_LIKE_DOESNT_MATCH_BLOBS     # LIKE and GLOB skip BLOBs: faster, and the planner may use an index more often.
    SQLITE_USE_ALLOCA                  # Short-lived buffers on the stack instead of the heap.
    SQLITE_DEFAULT_JOURNAL_SIZE_LIMIT=33554432  # A WAL that readers made longer than 8,000 pages gives the disk space back.
    SQLITE_TEMP_STORE=2                # Temporary tables and indexes in memory unless a PRAGMA says otherwise.
    SQLITE_ENABLE_STAT4                # ANALYZE samples key values, so that the planner knows skewed columns.

    # Features that users of other drivers expect
    SQLITE_ENABLE_FTS5                 # Full-text search.
    SQLITE_ENABLE_RTREE                # Range queries in several dimensions.
    SQLITE_ENABLE_GEOPOLY              # Polygons, on R*Tree.
    SQLITE_ENABLE_MATH_FUNCTIONS       # sin(), sqrt(), log(), …
    SQLITE_ENABLE_PERCENTILE           # median(), percentile(), …
    SQLITE_ENABLE_CARRAY               # carray(): an array bound as one parameter.
    SQLITE_ENABLE_DBSTAT_VTAB          # dbstat: how much space each table takes.

    # Features that the driver builds on
    SQLITE_ENABLE_COLUMN_METADATA      # describe(): origin of each result column.
    SQLITE_ENABLE_PREUPDATE_HOOK       # Needed by SESSION; onCommit() sees rowids before a change is rolled back.
    SQLITE_ENABLE_SESSION              # Changesets: recordChanges(), applyChangeset().
)

# Options that sqlite3_compileoption_used() does not report, so that nothing can assert them at load.
set(AIOSQLITE_SQLITE_UNREPORTED_OPTIONS
    SQLITE_TRUSTED_SCHEMA=0            # A hostile schema may not call functions that are not marked innocuous.
)

# What autoconf would find out; the amalgamation compiled by hand assumes the worst.
if(CMAKE_SYSTEM_NAME STREQUAL Linux)
  list(APPEND AIOSQLITE_SQLITE_UNREPORTED_OPTIONS
    HAVE_FDATASYNC=1                   # fdatasync() is safe on Linux and spares a journal write of the file's times.
  )
endif()
if(UNIX)
  list(APPEND AIOSQLITE_SQLITE_UNREPORTED_OPTIONS
    HAVE_LOCALTIME_R=1                 # Thread-safe 'localtime' modifier without a global mutex.
    HAVE_GMTIME_R=1                    # The same for time functions in UTC.
    HAVE_USLEEP=1                      # Waits of microseconds are not rounded up to a second.
  )
endif()

# SQLITE_DEBUG checks every internal invariant; API_ARMOR reports misuse of the C API instead of crashing. Both are slow.
option(AIOSQLITE_SQLITE_DEBUG "Compile SQLite with its assertions and API_ARMOR" OFF)
if(AIOSQLITE_SQLITE_DEBUG)
  list(APPEND AIOSQLITE_SQLITE_OPTIONS SQLITE_DEBUG SQLITE_ENABLE_API_ARMOR)
endif()

# Deliberately absent:
#   SQLITE_OMIT_AUTOINIT           every entry point would need sqlite3_initialize() first, loaded extensions included.
#   SQLITE_OMIT_PROGRESS_CALLBACK  cancelling one call needs the progress handler.
#   SQLITE_OMIT_SHARED_CACHE       'file::memory:?cache=shared' URIs work as documented.
#   SQLITE_OMIT_LOAD_EXTENSION     the `extensions` option loads through the C API; the SQL function stays off.
#   SQLITE_ENABLE_UPDATE_DELETE_LIMIT  needs a parser generated for it; the amalgamation's is not.
