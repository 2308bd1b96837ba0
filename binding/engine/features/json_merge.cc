#include "engine/features/json_merge.h"

#include <sqlite3.h>

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/features/text_value.h"
#include "engine/rows/json_reader.h"

namespace aiosqlite {
namespace {

// Finds a key among members: few are compared one by one, many are found through a table.
class LastByKey {
 public:
  explicit LastByKey(const std::vector<json::Member>& members) : members_(members) {
    if (members.size() <= kFew) return;
    for (size_t i = 0; i < members.size(); ++i) by_key_[members[i].key] = i;
  }
  // Of members of one key the last counts, as everywhere in JSON. npos if there is none.
  size_t Find(const std::string& key) const {
    if (members_.size() > kFew) {
      const auto found = by_key_.find(key);
      return found == by_key_.end() ? kNone : found->second;
    }
    for (size_t i = members_.size(); i-- > 0;) {
      if (members_[i].key == key) return i;
    }
    return kNone;
  }
  static constexpr size_t kNone = static_cast<size_t>(-1);

 private:
  static constexpr size_t kFew = 8;
  const std::vector<json::Member>& members_;
  std::unordered_map<std::string_view, size_t> by_key_;
};

void Append(std::string& out, const json::Member& member, std::string_view value) {
  if (out.size() > 1) out.push_back(',');
  out.append(member.name).push_back(':');
  out.append(value);
}

void Merge(sqlite3_context* context, int count, sqlite3_value** arguments) {
  const std::string_view target = TextOf(arguments[0]);
  const std::string_view delta = TextOf(arguments[1]);
  const bool removes = count > 2 && sqlite3_value_type(arguments[2]) != SQLITE_NULL;
  std::vector<json::Member> old;
  std::vector<json::Member> fresh;
  std::vector<json::Member> removed;
  if (!json::ReadObject(target, old) || !json::ReadObject(delta, fresh) ||
      (removes && !json::ReadObject(TextOf(arguments[2]), removed))) {
    sqlite3_result_error(context, "json_merge_shallow: malformed JSON object", -1);
    return;
  }
  const LastByKey last_old(old);
  const LastByKey last_fresh(fresh);
  const LastByKey last_removed(removed);
  std::string merged;
  merged.reserve(target.size() + delta.size());
  merged.push_back('{');
  for (size_t i = 0; i < old.size(); ++i) {
    if (last_old.Find(old[i].key) != i) continue;
    const size_t replacement = last_fresh.Find(old[i].key);
    if (replacement == LastByKey::kNone && last_removed.Find(old[i].key) != LastByKey::kNone) continue;
    Append(merged, old[i], replacement == LastByKey::kNone ? old[i].value : fresh[replacement].value);
  }
  for (size_t i = 0; i < fresh.size(); ++i) {
    if (last_fresh.Find(fresh[i].key) != i || last_old.Find(fresh[i].key) != LastByKey::kNone) continue;
    Append(merged, fresh[i], fresh[i].value);
  }
  merged.push_back('}');
  sqlite3_result_text64(context, merged.data(), merged.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

}  // namespace

int RegisterJsonMerge(sqlite3* db) {
  for (const int arguments : {2, 3}) {
    constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
    const int rc = sqlite3_create_function_v2(db, "json_merge_shallow", arguments, kFlags, nullptr, &Merge,
                                              nullptr, nullptr, nullptr);
    if (rc != SQLITE_OK) return rc;
  }
  return SQLITE_OK;
}

}  // namespace aiosqlite
