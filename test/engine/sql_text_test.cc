// Facts read from SQL text alone.
#include "engine/sqlite/sql_text.h"

#include "support.h"

namespace aiosqlite::test {

using namespace sql_text;  // NOLINT(google-build-using-namespace)

TEST("white space, comments and semicolons at the start are blank") {
  EXPECT(SkipBlank("SELECT 1") == "SELECT 1");
  EXPECT(SkipBlank(" \t\r\n\f;; SELECT 1 ; ") == "SELECT 1 ; ");
  EXPECT(SkipBlank("-- one\n--two\nSELECT 1") == "SELECT 1");
  EXPECT(SkipBlank("/* a ; 'b */ /**/SELECT 1") == "SELECT 1");
  EXPECT(SkipBlank("--x") == "");
  EXPECT(SkipBlank("/* never closed") == "");
  EXPECT(SkipBlank("/* a */") == "");
  EXPECT(SkipBlank("") == "");
  EXPECT(SkipBlank("- 1") == "- 1");
  EXPECT(SkipBlank("/") == "/");
  EXPECT(SkipBlank("/*/ SELECT 1") == "");  // the star is not its end
}

TEST("what stands behind the first statement is found past quotes and comments") {
  EXPECT(AfterFirst("PRAGMA a = 1") == "");
  EXPECT(AfterFirst("PRAGMA a = 1;") == "");
  EXPECT(AfterFirst("PRAGMA a = 1; SELECT 2") == " SELECT 2");
  EXPECT(AfterFirst("PRAGMA a = ';' ; x") == " x");
  EXPECT(AfterFirst("PRAGMA a = 'it''s;' ; x") == " x");
  EXPECT(AfterFirst("PRAGMA \"a;\"\"b;\" = 1;x") == "x");
  EXPECT(AfterFirst("PRAGMA `a;` = [b;c];x") == "x");
  EXPECT(AfterFirst("PRAGMA a /* ; */ = 1 -- ;\n ;x") == "x");
  EXPECT(AfterFirst("PRAGMA a = 'never closed; x") == "");
  EXPECT(AfterFirst("PRAGMA a = [never closed; x") == "");
}

TEST("a PRAGMA's name is found behind a schema's, however they are written") {
  EXPECT(AfterPragma("PRAGMA busy_timeout = 1") == "busy_timeout = 1");
  EXPECT(AfterPragma("pragma/**/main . busy_timeout(1)") == "busy_timeout(1)");
  EXPECT(AfterPragma("PRAGMA \"ma\"\"in\".`busy_timeout`") == "busy_timeout`");
  EXPECT(AfterPragma("PRAGMA [main] /* . */ .\nx") == "x");
  EXPECT(AfterPragma("PRAGMA größe.x") == "x");
  EXPECT(AfterPragma("PRAGMA") == "" && AfterPragma("PRAGMA main.") == "" && AfterPragma("PRAGMA '") == "");
}

TEST("a keyword is found in any case, at the start alone") {
  EXPECT(StartsWith("PRAGMA x", "pragma"));
  EXPECT(StartsWith("pRaGmA", "pragma"));
  EXPECT(!StartsWith("PRAGM", "pragma"));
  EXPECT(!StartsWith(" PRAGMA", "pragma"));
  EXPECT(!StartsWith("", "pragma"));
}

}  // namespace aiosqlite::test
