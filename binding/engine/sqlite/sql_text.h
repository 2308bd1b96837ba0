// Any thread: pure functions over SQL text.
#pragma once

#include <string_view>

namespace aiosqlite::sql_text {

// `sql` without the white space, comments and semicolons at its start.
std::string_view SkipBlank(std::string_view sql);

// The text after the first statement's semicolon. Found without preparing: preparing a PRAGMA can already run
// it.
std::string_view AfterFirst(std::string_view sql);

// The name of a PRAGMA and the text after it, without the word PRAGMA, a schema's name, and an opening quote.
std::string_view AfterPragma(std::string_view pragma);

// Whether it begins with that keyword (given in lower case).
bool StartsWith(std::string_view sql, std::string_view keyword);

}  // namespace aiosqlite::sql_text
