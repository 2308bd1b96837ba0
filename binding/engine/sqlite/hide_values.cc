#include "engine/sqlite/hide_values.h"

#include <string_view>

namespace aiosqlite {
namespace {

constexpr std::string_view kHidden = "…";

// Messages whose end is a value: the name of a file or database, a path in JSON, a query of FTS5. The source
// of SQLite was searched for them: test/security/sqlite-messages.txt lists every format, and a test compares.
// Messages of RAISE() and of extensions belong to their authors.
constexpr std::string_view kBeforeValue[] = {
    "bad JSON path: ",
    "not an array element: ",
    "expected integer, got ",
    "no such column: ",
    "no such table: ",
    "no such function: ",
    "no such database: ",
    "no such vfs: ",
    "no such access mode: ",
    "no such cache mode: ",
    "access mode not allowed: ",
    "cache mode not allowed: ",
    "invalid uri authority: ",
    "unable to open database: ",
    "cannot detach database ",
    "unknown database ",
    "unknown datatype: ",
    "unknown special query: ",
    "parse error in rank function: ",
    "parse error in ",
    "fts5: syntax error near ",
};

// Messages with a value in the middle.
constexpr std::string_view kBeforeInner = "database ";
constexpr std::string_view kAfterInner[] = {" is already in use", " is locked"};

bool StartsWith(std::string_view text, std::string_view part) { return text.substr(0, part.size()) == part; }

bool EndsWith(std::string_view text, std::string_view part) {
  return text.size() >= part.size() && text.substr(text.size() - part.size()) == part;
}

}  // namespace

bool IsAboutDoubleQuotes(const std::string& message) {
  return message.find(" - should this be a string literal in single-quotes?") != std::string::npos;
}

std::string WithoutValues(const std::string& message) {
  if (IsAboutDoubleQuotes(message)) return message;  // the parser's, which sees no values: VACUUM parses
  std::string hidden = message;
  for (const std::string_view kept : kBeforeValue) {
    if (!StartsWith(message, kept)) continue;
    return hidden.replace(kept.size(), std::string::npos, kHidden);
  }
  for (const std::string_view end : kAfterInner) {
    // "database is locked" has nothing in between.
    if (!StartsWith(message, kBeforeInner) || !EndsWith(message, end)) continue;
    if (message.size() <= kBeforeInner.size() + end.size()) continue;
    hidden.replace(kBeforeInner.size(), message.size() - kBeforeInner.size() - end.size(), kHidden);
  }
  return hidden;
}

}  // namespace aiosqlite
