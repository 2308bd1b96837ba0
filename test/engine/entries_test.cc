// The packet that carries a call across threads.
#include "engine/packet.h"

#include <cmath>
#include <limits>

#include "support.h"

namespace aiosqlite::test {

TEST("a packet gives back every entry in its order") {
  Packet packet;
  packet.AddText("sql");
  packet.AddNumber(-5);
  Add(packet, nullptr);
  Add(packet, 1.5);
  Add(packet, std::numeric_limits<int64_t>::min());
  Add(packet, "text");
  Add(packet, Blob{std::string("\0\xFF", 2)});
  Add(packet, "");
  Add(packet, Blob{""});
  PacketReader reader(packet);
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
  Packet packet;
  for (const int64_t value : {two53 - 1, -(two53 - 1)}) packet.AddNumber(static_cast<double>(value));
  for (const int64_t value : {two53 + 1, std::numeric_limits<int64_t>::max(), int64_t{-1}})
    Add(packet, value);
  PacketReader reader(packet);
  for (const int64_t value :
       {two53 - 1, -(two53 - 1), two53 + 1, std::numeric_limits<int64_t>::max(), int64_t{-1}})
    EXPECT(reader.Next().integer == value);
}

TEST("texts may hold U+0000, and each is followed by one") {
  Packet packet;
  packet.AddText(std::string_view("a\0b", 3));
  packet.AddText("c");
  PacketReader reader(packet);
  const std::string_view first = reader.Text();
  EXPECT(first == std::string_view("a\0b", 3));
  EXPECT(first.data()[3] == '\0');
  EXPECT(reader.Text() == "c");
}

TEST("lengths in UTF-16 units find the same texts as lengths in bytes") {
  Packet packet;
  packet.utf16_lengths = true;
  const auto add = [&packet](const std::string& text, double units) {
    packet.Add(Tag::kText, units);
    packet.text.append(text).push_back('\0');
  };
  add("ascii", 5);
  add("é", 1);
  add("€", 1);
  add("😀", 2);  // a surrogate pair
  add("a😀é€b", 6);
  add("", 0);
  add("\xEF\xBF\xBD", 1);  // a lone surrogate arrives as U+FFFD
  add("end", 3);
  PacketReader reader(packet);
  for (const char* text : {"ascii", "é", "€", "😀", "a😀é€b", "", "\xEF\xBF\xBD", "end"})
    EXPECT(reader.Text() == text);
}

TEST("a packet knows about how much memory it takes") {
  Packet packet;
  EXPECT(packet.ByteSize() == 0);
  packet.AddText(std::string(1000, 'x'));
  Add(packet, Blob{std::string(5000, 'x')});
  EXPECT(packet.ByteSize() >= 6000);
  EXPECT(packet.ByteSize() < 6100);
}

TEST("passing over parameters leaves the reader at what follows") {
  Packet packet;
  for (const Param& param : Params{1, "two", Blob{"three"}}) Add(packet, param);
  packet.AddText("name");
  Add(packet, "value");
  packet.AddText("next");
  PacketReader reader(packet);
  reader.SkipParams(3);
  reader.SkipParams(-1);
  EXPECT(reader.Text() == "next");
}

TEST("an array is one parameter, elements and all") {
  Packet packet;
  packet.AddText("name");
  packet.AddArray(3);
  for (const int64_t value : {1, 2, 3}) Add(packet, value);
  packet.AddNumber(7);
  PacketReader named(packet);
  named.SkipParams(-1);
  EXPECT(named.Int() == 7);
  PacketReader reader(packet);
  EXPECT(reader.Text() == "name");
  const Value array = reader.Next();
  EXPECT(array.tag == Tag::kArray && array.integer == 3);
  reader.SkipParams(3);
  EXPECT(reader.Int() == 7);
}

}  // namespace aiosqlite::test
