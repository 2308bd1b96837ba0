// Worker thread. SQL functions for texts that are searched, and for vectors.
#pragma once

struct sqlite3;

namespace aiosqlite {

// scope_words(text, prefix): the words of a text with the prefix before each, separated by spaces. A word is
// a run of ASCII letters, digits and characters beyond ASCII; one of less than three bytes gets a 0 behind,
// because the prefix would have it stemmed. The prefix of a scope keeps the postings of scopes apart in one
// index: a query reads those of its own scope alone.
//
// cosine_similarity(a, b): of two vectors of 32-bit floats (little-endian blobs) of one length, or NULL.
//
// scoped_bm25(table, words, rows): a rank for FTS5, smaller is better, after BM25 as its own bm25(), but
// with statistics of the query's own scopes. The query's phrases are `words` words, the same ones in the
// same order once for each scope; `rows` is the number of rows in these scopes.
//
// SQLITE_DIRECTONLY or for queries alone: no schema depends on them.
int RegisterFullText(sqlite3* db);

}  // namespace aiosqlite
