#include "engine/features/array_binding.h"

#include <sqlite3.h>
#ifndef _WIN32
#include <sys/uio.h>
#endif

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "engine/entries.h"

namespace aiosqlite {
namespace {

#ifdef _WIN32
// As carray() declares it where the system does not.
struct iovec {
  void* iov_base;
  size_t iov_len;
};
#endif

template <typename Element, typename Convert>
int BindAs(int type, sqlite3_stmt* statement, int index, const std::vector<Value>& values, Convert convert) {
  std::vector<Element> elements;
  elements.reserve(values.size());
  for (const Value& value : values) elements.push_back(convert(value));
  return sqlite3_carray_bind(statement, index, elements.data(), static_cast<int>(elements.size()), type,
                             SQLITE_TRANSIENT);
}

}  // namespace

int BindArray(sqlite3_stmt* statement, int index, EntryReader& entries, int count) {
  // A copy of nothing would be no memory to SQLite.
  static int64_t nothing = 0;
  if (count == 0) {
    return sqlite3_carray_bind(statement, index, &nothing, 0, SQLITE_CARRAY_INT64, SQLITE_STATIC);
  }
  std::vector<Value> values;
  values.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) values.push_back(entries.Next());
  switch (values.front().tag) {
    case Tag::kText: {
      // SQLite reads each up to a U+0000.
      std::vector<std::string> texts;
      texts.reserve(values.size());
      return BindAs<const char*>(SQLITE_CARRAY_TEXT, statement, index, values, [&texts](const Value& value) {
        return texts.emplace_back(value.bytes).c_str();
      });
    }
    case Tag::kBlob:
      return BindAs<iovec>(SQLITE_CARRAY_BLOB, statement, index, values, [](const Value& value) {
        static char empty = 0;
        const std::string_view bytes = value.bytes;
        return iovec{bytes.empty() ? &empty : const_cast<char*>(bytes.data()), bytes.size()};
      });
    default:
      break;
  }
  const bool whole =
      std::none_of(values.begin(), values.end(), [](const Value& value) { return value.tag == Tag::kReal; });
  if (whole) {
    return BindAs<int64_t>(SQLITE_CARRAY_INT64, statement, index, values,
                           [](const Value& value) { return value.integer; });
  }
  return BindAs<double>(SQLITE_CARRAY_DOUBLE, statement, index, values, [](const Value& value) {
    return value.tag == Tag::kReal ? value.real : static_cast<double>(value.integer);
  });
}

}  // namespace aiosqlite
