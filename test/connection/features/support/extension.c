/* A tiny extension: a function hello(), a second entry point with goodbye(), and one that fails. */
#include "sqlite3ext.h"
SQLITE_EXTENSION_INIT1

static void hello(sqlite3_context *context, int count, sqlite3_value **values) {
  (void)count;
  (void)values;
  sqlite3_result_text(context, "hello from C", -1, SQLITE_STATIC);
}

static void goodbye(sqlite3_context *context, int count, sqlite3_value **values) {
  (void)count;
  (void)values;
  sqlite3_result_text(context, "goodbye from C", -1, SQLITE_STATIC);
}

int sqlite3_extension_init(sqlite3 *db, char **message, const sqlite3_api_routines *api) {
  (void)message;
  SQLITE_EXTENSION_INIT2(api);
  return sqlite3_create_function(db, "hello", 0, SQLITE_UTF8, 0, hello, 0, 0);
}

int goodbye_init(sqlite3 *db, char **message, const sqlite3_api_routines *api) {
  (void)message;
  SQLITE_EXTENSION_INIT2(api);
  return sqlite3_create_function(db, "goodbye", 0, SQLITE_UTF8, 0, goodbye, 0, 0);
}

int failing_init(sqlite3 *db, char **message, const sqlite3_api_routines *api) {
  (void)db;
  SQLITE_EXTENSION_INIT2(api);
  *message = sqlite3_mprintf("the extension does not want to");
  return SQLITE_ERROR;
}
