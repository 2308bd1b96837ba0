// Worker thread. Native collations and text search for the usual cases: JavaScript costs a round trip per
// comparison.
#pragma once

#include <string_view>

struct sqlite3;

namespace aiosqlite {

// Registers the collations UNICODE_NOCASE and NATURAL_NOCASE, and the function contains_nocase(text, part):
// NULL if either is NULL, else 1 or 0. SQLite's result code.
int RegisterCollations(sqlite3* db);

// By code point after simple case folding, without regard to the language; equal but for case is equal.
int CompareUnicodeNocase(std::string_view a, std::string_view b);

// Whether `part` occurs in `text`, compared as by UNICODE_NOCASE. An empty part occurs everywhere.
bool ContainsUnicodeNocase(std::string_view text, std::string_view part);

// As UNICODE_NOCASE, but runs of ASCII digits compare by their number: "file 2" comes before "file 10". Texts
// that differ in case or in leading zeros alone compare by their bytes.
int CompareNatural(std::string_view a, std::string_view b);

}  // namespace aiosqlite
