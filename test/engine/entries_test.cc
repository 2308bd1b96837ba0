// The entries that carry a call across threads.
#include "engine/entries.h"

#include <cmath>
#include <limits>

#include "support.h"

namespace aiosqlite::test {

TEST("a entries gives back every entry in its order") {
  Entries entries;
  entries.AddText("sql");
  entries.AddNumber(-5);
  Add(entries, nullptr);
  Add(entries, 1.5);
  Add(entries, std::numeric_limits<int64_t>::min());
  Add(entries, "text");
  Add(entries, Blob{std::string("\0\xFF", 2)});
  Add(entries, "");
  Add(entries, Blob{""});
  EntryReader reader(entries);
  EXPECT(reader.Text() == "sql");
  EXPECT(reader.Int() == -5);
  EXPECT(reader.Next().tag == Tag::kNull);
  EXPECT(reader.Next().real == 1.5);
  EXPECT(reader.Next().integer == std::numeric_limits<int64_t>::min());
  EXPECT(reader.Next().bytes == "text");
  EXPECT(reader.Next().bytes == std::string_view("\0\xFF", 2));
  EXPECT(reader.Next().bytes.empty());
  const Value blob = reader.Next();
  EXPECT(blob.tag == Tag::kBlob && blob.bytes.empty());
}

TEST("integers up to 2^53 and all 64-bit ones cross exactly") {
  const int64_t two53 = int64_t{1} << 53;
  Entries entries;
  for (const int64_t value : {two53 - 1, -(two53 - 1)}) entries.AddNumber(static_cast<double>(value));
  for (const int64_t value : {two53 + 1, std::numeric_limits<int64_t>::max(), int64_t{-1}})
    Add(entries, value);
  EntryReader reader(entries);
  for (const int64_t value :
       {two53 - 1, -(two53 - 1), two53 + 1, std::numeric_limits<int64_t>::max(), int64_t{-1}})
    EXPECT(reader.Next().integer == value);
}

TEST("texts may hold U+0000, and stand right behind one another") {
  Entries entries;
  entries.AddText(std::string_view("a\0b", 3));
  entries.AddText("");
  entries.AddText("c");
  EXPECT(entries.text == std::string_view("a\0bc", 4));
  EntryReader reader(entries);
  EXPECT(reader.Text() == std::string_view("a\0b", 3));
  EXPECT(reader.Text().empty());
  EXPECT(reader.Text() == "c");
}

TEST("a entries knows about how much memory it takes") {
  Entries entries;
  EXPECT(entries.ByteSize() == 0);
  entries.AddText(std::string(1000, 'x'));
  Add(entries, Blob{std::string(5000, 'x')});
  EXPECT(entries.ByteSize() >= 6000);
  EXPECT(entries.ByteSize() < 6100);
}

TEST("passing over parameters leaves the reader at what follows") {
  Entries entries;
  for (const Param& param : Params{1, "two", Blob{"three"}}) Add(entries, param);
  entries.AddText("name");
  Add(entries, "value");
  entries.AddText("next");
  EntryReader reader(entries);
  reader.SkipParams(3);
  reader.SkipParams(-1);
  EXPECT(reader.Text() == "next");
}

TEST("an array is one parameter, elements and all") {
  Entries entries;
  entries.AddText("name");
  entries.AddArray(3);
  for (const int64_t value : {1, 2, 3}) Add(entries, value);
  entries.AddNumber(7);
  EntryReader named(entries);
  named.SkipParams(-1);
  EXPECT(named.Int() == 7);
  EntryReader reader(entries);
  EXPECT(reader.Text() == "name");
  const Value array = reader.Next();
  EXPECT(array.tag == Tag::kArray && array.integer == 3);
  reader.SkipParams(3);
  EXPECT(reader.Int() == 7);
}

}  // namespace aiosqlite::test
