// JSON text: which is valid (RFC 8259), and what an object's members are.
#include "engine/rows/json_text.h"
#include "engine/rows/json_reader.h"

#include "support.h"

namespace aiosqlite::test {
namespace {

bool Valid(std::string_view text) {
  bool ascii = true;
  return json::IsValid(text, ascii);
}

bool Ascii(std::string_view text) {
  bool ascii = true;
  EXPECT(json::IsValid(text, ascii));
  return ascii;
}

std::string Quoted(std::string_view text) {
  std::string out;
  json::AppendString(out, text);
  return out;
}

std::string Nested(int depth) {
  return std::string(static_cast<size_t>(depth), '[') + std::string(static_cast<size_t>(depth), ']');
}

}  // namespace

TEST("valid JSON texts are valid") {
  for (const char* text : {"null",
                           "true",
                           "false",
                           "0",
                           "-0",
                           "1",
                           "-1",
                           "10",
                           "1.5",
                           "-1.5e3",
                           "1E+2",
                           "1e-2",
                           "0.0",
                           "0e0",
                           "123456789012345678901234567890",
                           "1e999",
                           R"("")",
                           R"("a")",
                           R"("\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00")",
                           R"("\ud800")",
                           R"("\udc00\ud800")",
                           R"("\u0000")",
                           "\"\x7f\"",
                           "\"é€😀\"",
                           "\"\xEF\xBF\xBF\"",
                           "[]",
                           "{}",
                           "[1,2,3]",
                           R"({"a":1})",
                           R"({"a":1,"a":2})",
                           R"({"":0})",
                           " \t\r\n[ 1 , { \"a\" : [ ] } ] \n",
                           "[[[[]]]]",
                           R"([null,true,false,-0.1e-1,"x",{},[]])",
                           "\"\xF4\x8F\xBF\xBF\"",
                           "\"\xED\x9F\xBF\"",
                           "\"\xEE\x80\x80\""}) {
    if (!Valid(text)) Fail(__FILE__, __LINE__, text);
  }
}

TEST("what is no JSON is not valid") {
  for (const char* text : {"",
                           " ",
                           "nul",
                           "nulll",
                           "Null",
                           "TRUE",
                           "tru",
                           "undefined",
                           "NaN",
                           "Infinity",
                           "-Infinity",
                           "-",
                           "+1",
                           "01",
                           "-01",
                           "00",
                           "1.",
                           ".5",
                           "1.e1",
                           "1e",
                           "1e+",
                           "1e1.5",
                           "0x10",
                           "1 2",
                           "--1",
                           "'a'",
                           "\"",
                           "\"a",
                           "a\"",
                           R"("\")",
                           R"("\x41")",
                           R"("\u12")",
                           R"("\u12g4")",
                           R"("\u")",
                           R"("\U0041")",
                           R"("\a")",
                           "\"\n\"",
                           "\"\t\"",
                           "\"\x01\"",
                           "\"\x1f\"",
                           "[",
                           "]",
                           "[1",
                           "[1,",
                           "[1,]",
                           "[,1]",
                           "[1 2]",
                           "[1,,2]",
                           "[01]",
                           "{",
                           "}",
                           "{,}",
                           R"({"a"})",
                           R"({"a":})",
                           R"({"a":1,})",
                           R"({"a" 1})",
                           R"({a:1})",
                           R"({1:1})",
                           R"({"a":1 "b":2})",
                           R"({'a':1})",
                           "[1]x",
                           "{}{}",
                           "[]]",
                           "[}",
                           "{]",
                           "// c\n1",
                           "/* c */ 1",
                           "1 // c",
                           "\xEF\xBB\xBF[]",
                           "[1];",
                           "\v1",
                           "\xA0 1"}) {
    if (Valid(text)) Fail(__FILE__, __LINE__, text);
  }
  EXPECT(!Valid(std::string_view("1\0", 2)));
  EXPECT(!Valid(std::string_view("\"a\0b\"", 5)));
  EXPECT(!Valid(std::string_view("\0", 1)));
}

TEST("bytes that are no UTF-8 make a string invalid") {
  for (const char* text : {"\"\x80\"",
                           "\"\xBF\"",
                           "\"\xC0\x80\"",
                           "\"\xC1\xBF\"",
                           "\"\xC3\"",
                           "\"\xC3\x28\"",
                           "\"\xE0\x80\x80\"",
                           "\"\xE0\x9F\xBF\"",
                           "\"\xE2\x82\"",
                           "\"\xE2\x28\xA1\"",
                           "\"\xED\xA0\x80\"",
                           "\"\xED\xBF\xBF\"",
                           "\"\xF0\x80\x80\x80\"",
                           "\"\xF0\x8F\xBF\xBF\"",
                           "\"\xF0\x9F\x98\"",
                           "\"\xF4\x90\x80\x80\"",
                           "\"\xF5\x80\x80\x80\"",
                           "\"\xFE\"",
                           "\"\xFF\"",
                           "\"\xF0\x9F\x98\x80"}) {
    if (Valid(text)) Fail(__FILE__, __LINE__, text);
  }
}

TEST("1,000 levels are valid, 1,001 are not") {
  EXPECT(Valid(Nested(1000)));
  EXPECT(!Valid(Nested(1001)));
  std::string objects;
  for (int i = 0; i < 1000; ++i) objects += "{\"a\":";
  EXPECT(Valid(objects + "1" + std::string(1000, '}')));
  EXPECT(!Valid("[" + objects + "1" + std::string(1000, '}') + "]"));
  EXPECT(!Valid(std::string(1'000'000, '[')));
}

TEST("every place of a long text is looked at: eight bytes at once miss nothing") {
  for (size_t length = 1; length < 40; ++length) {
    for (size_t at = 0; at < length; ++at) {
      for (const char bad : {'\x01', '\x1f', '"', '\\', '\x80'}) {
        std::string text(length, 'x');
        text[at] = bad;
        if (Valid("\"" + text + "\"")) Fail(__FILE__, __LINE__, text);
        EXPECT(Valid(Quoted(bad == '\x80' ? std::string(length, 'x') : text)));
      }
      std::string fine(length, ' ');
      fine[at] = '\x7f';
      EXPECT(Valid("\"" + fine + "\""));
    }
  }
}

TEST("whether a text is all ASCII is told") {
  EXPECT(Ascii(R"({"a":["b",1.5,"\u00e9"]})"));
  EXPECT(!Ascii(R"({"a":["é"]})"));
  EXPECT(!Ascii(R"({"é":1})"));
  std::string out;
  EXPECT(json::AppendString(out, "plain \n\"\x01"));
  EXPECT(!json::AppendString(out, "é"));
}

TEST("a text becomes a JSON string that is valid and reads back as it was") {
  EXPECT(Quoted("") == R"("")");
  EXPECT(Quoted("a\"b\\c/d") == R"("a\"b\\c/d")");
  EXPECT(Quoted("\n\r\t\b\f\x01\x1f") == R"("\n\u000d\u0009\u0008\u000c\u0001\u001f")");
  EXPECT(Quoted(std::string_view("a\0b", 3)) == R"("a\u0000b")");
  EXPECT(Quoted("é€😀\x7f") == "\"é€😀\x7f\"");
  EXPECT(Quoted("\xFF\x80") == "\"\xFF\x80\"");  // the decoder replaces them
  std::string all;
  for (int c = 0; c < 128; ++c) all.push_back(static_cast<char>(c));
  EXPECT(Valid(Quoted(all)));
}

TEST("the members of an object come in their order, names decoded, values as they are written") {
  std::vector<json::Member> members;
  EXPECT(json::ReadObject(R"( { "a" : 1 , "b\u0063\n" : [ 1, {"x" : 2} ] , "a":"dup\u0041" , "":null } )",
                          members));
  EXPECT(members.size() == 4);
  EXPECT(members[0].key == "a" && members[0].name == "\"a\"" && members[0].value == "1");
  EXPECT(members[1].key == "bc\n" && members[1].name == R"("b\u0063\n")" &&
         members[1].value == R"([ 1, {"x" : 2} ])");
  EXPECT(members[2].key == "a" && members[2].value == R"("dup\u0041")");
  EXPECT(members[3].key.empty() && members[3].value == "null");
  members.clear();
  EXPECT(json::ReadObject("{}", members) && members.empty());
}

TEST("keys that are written differently and mean the same decode to the same bytes") {
  std::vector<json::Member> members;
  EXPECT(json::ReadObject(R"({"é":1,"\u00e9":2,"\u00E9":3,"😀":4,"\ud83d\ude00":5,"\/":6,"/":7})", members));
  EXPECT(members[0].key == members[1].key && members[1].key == members[2].key);
  EXPECT(members[3].key == members[4].key);
  EXPECT(members[5].key == members[6].key);
  members.clear();
  // Lone surrogates are no text, but keys of their own; two of them in the wrong order too.
  EXPECT(json::ReadObject(
      R"({"\ud83d":1,"\ude00":2,"\ude00\ud83d":3,"\ud83dx":4,"\ud83d\u0041":5,"\ufffd":6})", members));
  for (size_t i = 0; i < members.size(); ++i) {
    for (size_t j = 0; j < i; ++j) EXPECT(members[i].key != members[j].key);
  }
  members.clear();
  EXPECT(json::ReadObject(R"({"a\u0000b":1,"a":2})", members));
  EXPECT(members[0].key == std::string("a\0b", 3));
}

TEST("what is no object has no members") {
  for (const char* text : {"", "null", "[]", "1", "\"a\"", "{", "{\"a\"}", "{\"a\":1,}", "{\"a\":1}x",
                           "{\"a\":tru}", "{\"\xFF\":1}", "{\"a\":\"\x80\"}", "{a:1}"}) {
    std::vector<json::Member> members;
    if (json::ReadObject(text, members)) Fail(__FILE__, __LINE__, text);
  }
  std::vector<json::Member> members;
  EXPECT(json::ReadObject("{\"a\":" + Nested(999) + "}", members));
  EXPECT(!json::ReadObject("{\"a\":" + Nested(1000) + "}", members));
}

TEST("safe integers end at 2^53 - 1") {
  const int64_t largest = (int64_t{1} << 53) - 1;
  EXPECT(json::IsSafeInteger(largest) && json::IsSafeInteger(-largest));
  EXPECT(!json::IsSafeInteger(largest + 1) && !json::IsSafeInteger(-largest - 1));
}

}  // namespace aiosqlite::test
