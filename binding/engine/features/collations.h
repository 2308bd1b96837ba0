// Worker thread. Native collations for the usual cases: one in JavaScript costs a round trip per comparison.
#pragma once

#include <string_view>

struct sqlite3;

namespace aiosqlite {

// Registers UNICODE_NOCASE and NATURAL_NOCASE. SQLite's result code.
int RegisterCollations(sqlite3* db);

// By code point after simple case folding, without regard to the language; equal but for case is equal.
int CompareUnicodeNocase(std::string_view a, std::string_view b);

// As UNICODE_NOCASE, but runs of ASCII digits compare by their number: "file 2" comes before "file 10". Texts
// that differ in case or in leading zeros alone compare by their bytes.
int CompareNatural(std::string_view a, std::string_view b);

}  // namespace aiosqlite
