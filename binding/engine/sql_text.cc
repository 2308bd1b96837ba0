#include "engine/sql_text.h"

#include <algorithm>
#include <cctype>

namespace aiosqlite::sql_text {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r'; }

// The end of the comment that starts at `at`, or `at` itself if none does (sqlite.org/lang_comment.html).
size_t CommentEnd(std::string_view sql, size_t at) {
  if (sql.compare(at, 2, "--") == 0) {
    const size_t end = sql.find('\n', at);
    return end == std::string_view::npos ? sql.size() : end + 1;
  }
  if (sql.compare(at, 2, "/*") == 0) {
    const size_t end = sql.find("*/", at + 2);
    return end == std::string_view::npos ? sql.size() : end + 2;
  }
  return at;
}

}  // namespace

std::string_view SkipBlank(std::string_view sql) {
  size_t at = 0;
  while (at < sql.size()) {
    if (IsSpace(sql[at]) || sql[at] == ';') {
      ++at;
      continue;
    }
    const size_t end = CommentEnd(sql, at);
    if (end == at) break;
    at = end;
  }
  return sql.substr(at);
}

std::string_view AfterFirst(std::string_view sql) {
  size_t at = 0;
  while (at < sql.size()) {
    const char c = sql[at];
    if (c == ';') return sql.substr(at + 1);
    const size_t end = CommentEnd(sql, at);
    if (end != at) {
      at = end;
    } else if (c == '\'' || c == '"' || c == '`' || c == '[') {
      // A doubled quote reads as the end of one literal and the start of the next: the same for our purpose.
      const size_t close = sql.find(c == '[' ? ']' : c, at + 1);
      at = close == std::string_view::npos ? sql.size() : close + 1;
    } else {
      ++at;
    }
  }
  return {};
}

bool StartsWith(std::string_view sql, std::string_view keyword) {
  return sql.size() >= keyword.size() &&
         std::equal(keyword.begin(), keyword.end(), sql.begin(),
                    [](char wanted, unsigned char c) { return wanted == std::tolower(c); });
}

}  // namespace aiosqlite::sql_text
