// Bytes that pages keep of rows which are no longer there.
#include <fstream>
#include <iterator>
#include <random>

#include "support.h"

namespace aiosqlite::test {
namespace {

std::string PageSize(const std::string& bytes) {
  return "PRAGMA journal_mode = DELETE; PRAGMA page_size = " + bytes +
         "; VACUUM; PRAGMA journal_mode = WAL; ";
}

// Rows in no order, changed and deleted in none, so that pages are split, filled and joined. `setting`:
// PRAGMAs.
void Churn(Client& client, const std::string& setting) {
  client.Exec(setting + "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT); CREATE INDEX i ON t (text);");
  std::mt19937 random(7);
  const auto pick = [&random](int below) {
    return static_cast<int>(random() % static_cast<unsigned>(below));
  };
  for (int round = 0; round < 40; ++round) {
    std::vector<Query> queries;
    for (int n = 0; n < 20; ++n) {
      const int id = pick(400);
      const std::string text =
          "word" + std::to_string(pick(1'000'000)) + std::string(static_cast<size_t>(pick(300)), '.');
      if (pick(3) == 0) {
        queries.push_back({"DELETE FROM t WHERE id BETWEEN ? AND ? + 9", {id, id}});
      } else {
        queries.push_back({"INSERT OR REPLACE INTO t VALUES (?, ?)", {id, text}});
      }
    }
    client.Must(Under(policy::kSecureDelete, Batch(queries)));
    if (round % 10 == 0) client.Exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  client.Exec("PRAGMA wal_checkpoint(TRUNCATE)");
}

std::string BytesOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

size_t Big16(const std::string& bytes, size_t at) {
  return static_cast<size_t>(static_cast<unsigned char>(bytes[at])) << 8 |
         static_cast<unsigned char>(bytes[at + 1]);
}

// How many bytes there are between pointers and cells of the table's and the index's pages, and how many are
// not zero.
std::pair<size_t, size_t> Unallocated(const std::string& bytes, const std::vector<size_t>& pages,
                                      size_t page_size) {
  std::pair<size_t, size_t> found;
  for (const size_t page : pages) {
    const size_t start = (page - 1) * page_size;
    const auto type = bytes[start];
    const size_t begin = start + (type == 2 || type == 5 ? 12 : 8) + 2 * Big16(bytes, start + 3);
    const size_t end = start + Big16(bytes, start + 5);
    for (size_t at = begin; at < end; ++at) {
      ++found.first;
      if (bytes[at] != 0) ++found.second;
    }
  }
  return found;
}

std::vector<size_t> BtreePages(Client& client) {
  std::vector<size_t> pages;
  const std::string rows =
      client.Rows("SELECT pageno FROM dbstat WHERE name IN ('t', 'i') AND pagetype <> 'overflow'");
  for (size_t at = 0; at < rows.size();) {
    if (rows[at] < '0' || rows[at] > '9') {
      ++at;
      continue;
    }
    size_t length = 0;
    pages.push_back(std::stoul(rows.substr(at), &length));
    at += length;
  }
  return pages;
}

}  // namespace

TEST("what a checkpoint writes has zeros between the pointers and the cells of a page") {
  for (const std::string& setting : {std::string(), PageSize("512"), PageSize("32768")}) {
    const TempFile file;
    Client client(file.path());
    Churn(client, setting);
    const size_t page_size = std::stoul(client.Rows("PRAGMA page_size").substr(2));
    const auto [all, other] = Unallocated(BytesOf(file.path()), BtreePages(client), page_size);
    EXPECT(all > 1'000);
    EXPECT(other == 0);
    EXPECT(client.Rows("PRAGMA integrity_check") == R"([["ok"]])");
  }
}

TEST("pages of pointer maps, which look like others, are left alone") {
  for (const char* mode : {"FULL", "INCREMENTAL"}) {
    const TempFile file;
    {
      Client client(file.path());
      client.Exec("PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; PRAGMA auto_vacuum = " +
                  std::string(mode) + "; VACUUM; PRAGMA journal_mode = WAL;");
      Churn(client, "");
      client.Exec("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)");
      EXPECT(client.Rows("SELECT auto_vacuum > 0 FROM pragma_auto_vacuum") == "[[1]]");
      const auto [all, other] = Unallocated(BytesOf(file.path()), BtreePages(client), 512);
      EXPECT(all > 1'000);
      EXPECT(other == 0);
    }
    Client again(file.path());
    EXPECT(again.Rows("PRAGMA integrity_check") == R"([["ok"]])");
  }
}

TEST("a file may change its mode, its page size and its pointer maps, with and without a WAL") {
  const TempFile file;
  Client client(file.path());
  Churn(client, "");
  for (const char* change :
       {"auto_vacuum = FULL", "page_size = 1024", "auto_vacuum = NONE", "page_size = 8192"}) {
    for (const char* journal : {"DELETE", "WAL"}) {
      client.Exec(std::string("PRAGMA journal_mode = ") + journal + "; PRAGMA cache_size = 10; PRAGMA " +
                  change + "; VACUUM; UPDATE t SET text = text || 'x'; DELETE FROM t WHERE id % 7 = 0;" +
                  "PRAGMA wal_checkpoint(TRUNCATE)");
      EXPECT(client.Rows("PRAGMA integrity_check") == R"([["ok"]])");
    }
  }
}

TEST("an image has zeros there, too") {
  const TempFile file;
  Client client(file.path());
  Churn(client, "");
  const Outcome outcome = client.Must(Ask(Request::kSerialize, {}));
  const std::string& image = outcome.results.at(0).first.bytes;
  EXPECT(image.size() > 4096);
  EXPECT(Unallocated(image, BtreePages(client), 4096).second == 0);
}

}  // namespace aiosqlite::test
