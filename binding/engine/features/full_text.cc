#include "engine/features/full_text.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <vector>

#include "engine/features/text_value.h"

namespace aiosqlite {
namespace {

// FTS5's porter leaves shorter words alone.
constexpr size_t kStemmedBytes = 3;

constexpr std::array<bool, 256> WordBytes() {
  std::array<bool, 256> bytes{};
  for (size_t byte = 0; byte < bytes.size(); ++byte)
    bytes[byte] = byte >= 0x80 || (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                  (byte >= 'a' && byte <= 'z');
  return bytes;
}
constexpr std::array<bool, 256> kWordBytes = WordBytes();

void ScopeWords(sqlite3_context* context, int, sqlite3_value** arguments) {
  if (sqlite3_value_type(arguments[0]) == SQLITE_NULL) return;
  const std::string_view text = TextOf(arguments[0]);
  const std::string_view prefix = TextOf(arguments[1]);
  // Every second byte can be a word; each has a prefix, a space and a 0 besides.
  const sqlite3_uint64 most = text.size() + (text.size() + 1) / 2 * (prefix.size() + 2);
  auto* const words = static_cast<char*>(sqlite3_malloc64(most + 1));
  if (words == nullptr) return sqlite3_result_error_nomem(context);
  char* out = words;
  const auto is_word_at = [&](size_t at) { return kWordBytes[static_cast<unsigned char>(text[at])]; };
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && is_word_at(end)) ++end;
    if (end > at) {
      if (out != words) *out++ = ' ';
      out = std::copy(prefix.begin(), prefix.end(), out);
      out = std::copy_n(text.data() + at, end - at, out);
      if (end - at < kStemmedBytes) *out++ = '0';
    }
    at = end + 1;
  }
  sqlite3_result_text64(context, words, static_cast<sqlite3_uint64>(out - words), &sqlite3_free, SQLITE_UTF8);
}

// The nth float of a blob, which may stand at any address.
double FloatAt(const void* blob, size_t n) {
  float value = 0;
  std::memcpy(&value, static_cast<const char*>(blob) + n * sizeof(float), sizeof(float));
  return value;
}

void CosineSimilarity(sqlite3_context* context, int, sqlite3_value** arguments) {
  if (sqlite3_value_type(arguments[0]) != SQLITE_BLOB || sqlite3_value_type(arguments[1]) != SQLITE_BLOB)
    return;
  const void* a = sqlite3_value_blob(arguments[0]);
  const void* b = sqlite3_value_blob(arguments[1]);
  const auto bytes = static_cast<size_t>(sqlite3_value_bytes(arguments[0]));
  if (bytes == 0 || bytes % sizeof(float) != 0) return;
  if (bytes != static_cast<size_t>(sqlite3_value_bytes(arguments[1]))) return;
  double product = 0;
  double square_a = 0;
  double square_b = 0;
  for (size_t n = 0; n < bytes / sizeof(float); ++n) {
    const double x = FloatAt(a, n);
    const double y = FloatAt(b, n);
    product += x * y;
    square_a += x * x;
    square_b += y * y;
  }
  const double length = std::sqrt(square_a) * std::sqrt(square_b);
  const double cosine = length == 0 ? 0 : product / length;
  if (std::isfinite(cosine)) sqlite3_result_double(context, cosine);
}

// ── scoped_bm25 ──

// Chosen on bench/ranking.mjs: seven languages, answers of a few hundred words. Rare words count for more
// than in the textbook, because a scope is a small collection, where document frequencies lie close together.
constexpr double kK1 = 2;
constexpr double kB = 0.85;
constexpr double kRarity = 1.25;

// Shared by all rows of one query.
struct Statistics {
  std::vector<double> weights;  // inverse document frequency of each word
  double average_length = 1;
};

int CountRow(const Fts5ExtensionApi*, Fts5Context*, void* count) {
  ++*static_cast<sqlite3_int64*>(count);
  return SQLITE_OK;
}

int ReadStatistics(const Fts5ExtensionApi* api, Fts5Context* fts, int words, double rows,
                   Statistics& statistics) {
  std::vector<sqlite3_int64> found(static_cast<size_t>(words));
  const int phrases = api->xPhraseCount(fts);
  for (int phrase = 0; phrase < phrases; ++phrase) {
    auto* count = &found[static_cast<size_t>(phrase % words)];
    if (const int rc = api->xQueryPhrase(fts, phrase, count, &CountRow); rc != SQLITE_OK) return rc;
  }
  for (const sqlite3_int64 count : found) {
    const auto with = static_cast<double>(count);
    const double odds = (std::max(rows - with, 0.0) + 0.5) / (with + 0.5);
    statistics.weights.push_back(std::pow(std::log(1 + odds), kRarity));
  }
  sqlite3_int64 all_rows = 0;
  sqlite3_int64 all_words = 0;
  if (const int rc = api->xRowCount(fts, &all_rows); rc != SQLITE_OK) return rc;
  if (const int rc = api->xColumnTotalSize(fts, -1, &all_words); rc != SQLITE_OK) return rc;
  if (all_rows > 0 && all_words > 0) {
    statistics.average_length = static_cast<double>(all_words) / static_cast<double>(all_rows);
  }
  return SQLITE_OK;
}

// How often the row has each word, in the text of any scope.
int CountWords(const Fts5ExtensionApi* api, Fts5Context* fts, std::vector<int>& counts) {
  const int phrases = api->xPhraseCount(fts);
  for (int phrase = 0; phrase < phrases; ++phrase) {
    int& count = counts[static_cast<size_t>(phrase) % counts.size()];
    Fts5PhraseIter place{};
    int column = -1;
    int offset = -1;
    const int rc = api->xPhraseFirst(fts, phrase, &place, &column, &offset);
    if (rc != SQLITE_OK) return rc;
    for (; column >= 0; api->xPhraseNext(fts, &place, &column, &offset)) ++count;
  }
  return SQLITE_OK;
}

int Rank(const Fts5ExtensionApi* api, Fts5Context* fts, int words, double rows, double& rank) {
  auto* statistics = static_cast<Statistics*>(api->xGetAuxdata(fts, 0));
  if (statistics == nullptr) {
    auto made = std::make_unique<Statistics>();
    if (const int rc = ReadStatistics(api, fts, words, rows, *made); rc != SQLITE_OK) return rc;
    statistics = made.release();
    const int rc =
        api->xSetAuxdata(fts, statistics, [](void* data) { delete static_cast<Statistics*>(data); });
    if (rc != SQLITE_OK) return rc;
  }
  std::vector<int> counts(statistics->weights.size());
  if (const int rc = CountWords(api, fts, counts); rc != SQLITE_OK) return rc;
  int length = 0;
  if (const int rc = api->xColumnSize(fts, -1, &length); rc != SQLITE_OK) return rc;
  const double norm = kK1 * (1 - kB + kB * length / statistics->average_length);
  double score = 0;
  for (size_t word = 0; word < counts.size(); ++word) {
    score += statistics->weights[word] * counts[word] * (kK1 + 1) / (counts[word] + norm);
  }
  rank = -score;
  return SQLITE_OK;
}

void ScopedBm25(const Fts5ExtensionApi* api, Fts5Context* fts, sqlite3_context* context, int count,
                sqlite3_value** arguments) {
  const int words = count == 2 ? sqlite3_value_int(arguments[0]) : 0;
  if (words < 1 || api->xPhraseCount(fts) % words != 0) {
    sqlite3_result_error(context, "scoped_bm25(table, words, rows): as many phrases as words, per scope", -1);
    return;
  }
  double rank = 0;
  const int rc = Rank(api, fts, words, sqlite3_value_double(arguments[1]), rank);
  if (rc == SQLITE_OK) {
    sqlite3_result_double(context, rank);
  } else {
    sqlite3_result_error_code(context, rc);
  }
}

// sqlite.org/fts5.html#extending_fts5
fts5_api* ExtensionApi(sqlite3* db) {
  fts5_api* api = nullptr;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &statement, nullptr) != SQLITE_OK) return nullptr;
  sqlite3_bind_pointer(statement, 1, static_cast<void*>(&api), "fts5_api_ptr", nullptr);
  sqlite3_step(statement);
  sqlite3_finalize(statement);
  return api;
}

}  // namespace

int RegisterFullText(sqlite3* db) {
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
  int rc = sqlite3_create_function_v2(db, "scope_words", 2, kFlags, nullptr, &ScopeWords, nullptr, nullptr,
                                      nullptr);
  if (rc != SQLITE_OK) return rc;
  rc = sqlite3_create_function_v2(db, "cosine_similarity", 2, kFlags, nullptr, &CosineSimilarity, nullptr,
                                  nullptr, nullptr);
  if (rc != SQLITE_OK) return rc;
  fts5_api* const api = ExtensionApi(db);
  if (api == nullptr) return sqlite3_errcode(db) == SQLITE_OK ? SQLITE_ERROR : sqlite3_errcode(db);
  return api->xCreateFunction(api, "scoped_bm25", nullptr, &ScopedBm25, nullptr);
}

}  // namespace aiosqlite
