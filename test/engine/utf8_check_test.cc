// The SQL function is_utf8.
#include "support.h"

namespace aiosqlite::test {
namespace {

// `value`: in SQL.
std::string Check(const std::string& value) {
  Local local;
  return local.Rows({"SELECT is_utf8(" + value + ")", {}, RowMode::kArray});
}

std::string CheckText(const std::string& hex) { return Check("CAST(x'" + hex + "' AS TEXT)"); }

}  // namespace

TEST("is_utf8 is 1 for UTF-8 and for every value that is no text") {
  for (const char* hex : {"", "61", "6100", "C3BC", "E282AC", "EFBFBD", "F09F9880", "F48FBFBF"})
    EXPECT(CheckText(hex) == "[[1]]");
  for (const char* value : {"NULL", "7", "1.5", "x'FF'"}) EXPECT(Check(value) == "[[1]]");
}

TEST("is_utf8 is 0 for a text with any other bytes") {
  for (const char* hex :
       {"FF", "61FF", "80", "C0AF", "C3", "C361", "E08080", "EDA080", "F4908080", "F09F98", "F09F9861"})
    EXPECT(CheckText(hex) == "[[0]]");
}

}  // namespace aiosqlite::test
