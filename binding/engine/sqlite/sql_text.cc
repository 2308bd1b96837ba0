#include "engine/sqlite/sql_text.h"

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

bool IsQuote(char c) { return c == '\'' || c == '"' || c == '`' || c == '['; }

// The end of the quoted text that starts at `at`, past quotes in it, which are doubled.
size_t QuoteEnd(std::string_view sql, size_t at) {
  const char close = sql[at] == '[' ? ']' : sql[at];
  for (++at; (at = sql.find(close, at)) != std::string_view::npos; at += 2) {
    if (close == ']' || at + 1 == sql.size() || sql[at + 1] != close) return at + 1;
  }
  return sql.size();
}

size_t NameEnd(std::string_view sql) {
  if (!sql.empty() && IsQuote(sql[0])) return QuoteEnd(sql, 0);
  const auto end = std::find_if(sql.begin(), sql.end(), [](unsigned char c) {
    return std::isalnum(c) == 0 && c != '_' && c != '$' && c < 0x80;
  });
  return static_cast<size_t>(end - sql.begin());
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
    } else if (IsQuote(c)) {
      at = QuoteEnd(sql, at);
    } else {
      ++at;
    }
  }
  return {};
}

std::string_view AfterPragma(std::string_view pragma) {
  std::string_view name = SkipBlank(pragma.substr(std::string_view("pragma").size()));
  const std::string_view after = SkipBlank(name.substr(NameEnd(name)));
  if (!after.empty() && after[0] == '.') name = SkipBlank(after.substr(1));
  return !name.empty() && IsQuote(name[0]) ? name.substr(1) : name;
}

bool StartsWith(std::string_view sql, std::string_view keyword) {
  return sql.size() >= keyword.size() &&
         std::equal(keyword.begin(), keyword.end(), sql.begin(),
                    [](char wanted, unsigned char c) { return wanted == std::tolower(c); });
}

}  // namespace aiosqlite::sql_text
