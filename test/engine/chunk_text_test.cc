// The SQL function text_of_chunks.
#include <sqlite3.h>

#include "support.h"

namespace aiosqlite::test {
namespace {

std::string TextOf(const std::vector<std::string>& chunks, const std::string& encoding) {
  Local local;
  local.Rows({"CREATE TABLE t (n INTEGER PRIMARY KEY, bytes BLOB)"});
  for (const std::string& chunk : chunks) local.Rows({"INSERT INTO t (bytes) VALUES (?)", {Blob{chunk}}});
  return local.Rows(
      {"SELECT text_of_chunks(bytes, ?) FROM (SELECT bytes FROM t ORDER BY n)", {encoding}, RowMode::kArray});
}

}  // namespace

TEST("text_of_chunks writes base64, padded once, wherever the chunks are cut") {
  EXPECT(TextOf({"hello"}, "base64") == R"([["aGVsbG8="]])");
  EXPECT(TextOf({"he", "l", "", "lo"}, "base64") == R"([["aGVsbG8="]])");
  EXPECT(TextOf({"h", "e", "l", "l", "o", "!"}, "base64") == R"([["aGVsbG8h"]])");
  EXPECT(TextOf({"a"}, "base64") == R"([["YQ=="]])");
  EXPECT(TextOf({std::string("\xFB\xFF\xFE\0", 4)}, "base64") == R"([["+//+AA=="]])");
}

TEST("text_of_chunks joins characters that chunks cut, and keeps U+0000") {
  EXPECT(TextOf({"gr\xC3", "\xBC\xC3\x9F", "e"}, "utf-8") == R"([["grüße"]])");
  EXPECT(TextOf({std::string("a\0b", 3)}, "utf-8") == R"([["a\u0000b"]])");
}

TEST("text_of_chunks of no chunk, and of empty ones, is the empty text") {
  EXPECT(TextOf({}, "base64") == R"([[""]])");
  EXPECT(TextOf({"", ""}, "base64") == R"([[""]])");
  EXPECT(TextOf({}, "utf-8") == R"([[""]])");
}

TEST("text_of_chunks of a large chunk has all of it") {
  std::string bytes(100'001, '\0');
  for (size_t at = 0; at < bytes.size(); ++at) bytes[at] = static_cast<char>(at * 7 % 256);
  Local local;
  EXPECT(local.Rows({"SELECT length(text_of_chunks(?, 'base64'))", {Blob{bytes}}, RowMode::kArray}) ==
         "[[133336]]");
}

TEST("text_of_chunks rejects an unknown encoding, and more than the length limit") {
  Local local;
  Outcome outcome;
  const auto failure = local.Run({"SELECT text_of_chunks(x'00', 'hex')"}, outcome);
  EXPECT(failure && failure->message.find("'base64' or 'utf-8'") != std::string::npos);
  sqlite3_limit(local->handle(), SQLITE_LIMIT_LENGTH, 1'000);
  const auto too_big = local.Run({"SELECT text_of_chunks(zeroblob(900), 'base64')"}, outcome);
  EXPECT(too_big && too_big->errcode == SQLITE_TOOBIG);
}

}  // namespace aiosqlite::test
