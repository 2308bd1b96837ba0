// Worker thread. SQL functions, aggregates and collations that the host language implements.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "engine/entries.h"
#include "engine/features/host.h"
#include "protocol.h"

struct sqlite3;

namespace aiosqlite {

// The entries of kDefine.
struct FunctionSpec {
  FunctionKind kind;
  std::string name;
  int argument_count;  // -1: any
  bool deterministic;
  bool direct_only;
  uint32_t function;  // its number at the host

  static FunctionSpec Read(EntryReader& entries);
};

// State that the functions of one connection share.
struct FunctionHost {
  Host* host = nullptr;
  bool bigints = false;
  // Whether the running statement should end: it is cancelled, or its deadline has passed.
  std::function<bool()> should_stop;
  // Number under which the host keeps the exception of the running statement's function. While it is set,
  // nothing commits.
  uint32_t exception = 0;
  uint32_t last_instance = 0;
};

// Registers it on `db`, in place of one with the same name and argument count. SQLite's result code.
int Define(sqlite3* db, const FunctionSpec& spec, FunctionHost& host);

}  // namespace aiosqlite
