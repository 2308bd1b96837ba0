#include "engine/features/chunk_text.h"

#include <sqlite3.h>

#include <array>
#include <cstddef>
#include <string_view>

#include "engine/features/text_value.h"

namespace aiosqlite {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr size_t kGroup = 3;  // bytes that become four digits
constexpr size_t kGroupsAtOnce = 1024;

struct ChunkText {
  sqlite3_str* text;  // null: no chunk yet
  std::array<unsigned char, kGroup> carried;
  size_t carried_size;  // bytes that wait for the rest of their group
};

void AppendGroup(const unsigned char* bytes, char* digits) {
  digits[0] = kDigits[bytes[0] >> 2];
  digits[1] = kDigits[(bytes[0] & 0x03) << 4 | bytes[1] >> 4];
  digits[2] = kDigits[(bytes[1] & 0x0f) << 2 | bytes[2] >> 6];
  digits[3] = kDigits[bytes[2] & 0x3f];
}

void AppendGroups(sqlite3_str* text, const unsigned char* bytes, size_t groups) {
  std::array<char, kGroupsAtOnce * 4> digits;
  while (groups > 0) {
    const size_t count = groups < kGroupsAtOnce ? groups : kGroupsAtOnce;
    for (size_t i = 0; i < count; ++i) AppendGroup(bytes + i * kGroup, &digits[i * 4]);
    sqlite3_str_append(text, digits.data(), static_cast<int>(count * 4));
    bytes += count * kGroup;
    groups -= count;
  }
}

void AppendBase64(ChunkText& state, std::string_view chunk) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(chunk.data());
  size_t left = chunk.size();
  while (state.carried_size > 0 && left > 0) {
    state.carried[state.carried_size++] = *bytes++;
    --left;
    if (state.carried_size < kGroup) continue;
    AppendGroups(state.text, state.carried.data(), 1);
    state.carried_size = 0;
  }
  AppendGroups(state.text, bytes, left / kGroup);
  bytes += left / kGroup * kGroup;
  for (left %= kGroup; left > 0; --left) state.carried[state.carried_size++] = *bytes++;
}

// The last bytes, if they fill no group.
void AppendPadded(ChunkText& state) {
  if (state.carried_size == 0) return;
  for (size_t at = state.carried_size; at < kGroup; ++at) state.carried[at] = 0;
  std::array<char, 4> digits;
  AppendGroup(state.carried.data(), digits.data());
  for (size_t at = state.carried_size + 1; at < digits.size(); ++at) digits[at] = '=';
  sqlite3_str_append(state.text, digits.data(), static_cast<int>(digits.size()));
}

void Step(sqlite3_context* context, int, sqlite3_value** arguments) {
  auto* state = static_cast<ChunkText*>(sqlite3_aggregate_context(context, sizeof(ChunkText)));
  if (state == nullptr) return sqlite3_result_error_nomem(context);
  if (state->text == nullptr) state->text = sqlite3_str_new(sqlite3_context_db_handle(context));
  const std::string_view encoding = TextOf(arguments[1]);
  // In this order: sqlite.org/c3ref/value_blob.html.
  const auto* bytes = static_cast<const char*>(sqlite3_value_blob(arguments[0]));
  const int size = sqlite3_value_bytes(arguments[0]);
  if (size == 0) return;
  if (encoding == "base64") {
    AppendBase64(*state, {bytes, static_cast<size_t>(size)});
  } else if (encoding == "utf-8") {
    sqlite3_str_append(state->text, bytes, size);
  } else {
    sqlite3_result_error(context, "text_of_chunks(bytes, encoding): 'base64' or 'utf-8'", -1);
  }
}

void Final(sqlite3_context* context) {
  auto* state = static_cast<ChunkText*>(sqlite3_aggregate_context(context, 0));
  if (state == nullptr || state->text == nullptr) return sqlite3_result_text(context, "", 0, SQLITE_STATIC);
  AppendPadded(*state);
  const int rc = sqlite3_str_errcode(state->text);
  const auto size = static_cast<sqlite3_uint64>(sqlite3_str_length(state->text));
  char* const text = sqlite3_str_finish(state->text);
  state->text = nullptr;
  if (rc != SQLITE_OK) {
    sqlite3_free(text);
    sqlite3_result_error_code(context, rc);
  } else if (text == nullptr) {
    sqlite3_result_text(context, "", 0, SQLITE_STATIC);
  } else {
    sqlite3_result_text64(context, text, size, &sqlite3_free, SQLITE_UTF8);
  }
}

}  // namespace

int RegisterChunkText(sqlite3* db) {
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
  return sqlite3_create_function_v2(db, "text_of_chunks", 2, kFlags, nullptr, nullptr, &Step, &Final,
                                    nullptr);
}

}  // namespace aiosqlite
