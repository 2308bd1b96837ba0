#include "engine/features/functions.h"

#include <sqlite3.h>

#include <memory>
#include <utility>

#include "engine/features/text_value.h"

namespace aiosqlite {
namespace {

// Context of a callback; SQLite owns it through `Release`.
struct Function {
  FunctionHost& host;
  const uint32_t id;

  static Function& Of(sqlite3_context* context) {
    return *static_cast<Function*>(sqlite3_user_data(context));
  }
  static void Release(void* function) { delete static_cast<Function*>(function); }
};

Value ToValue(sqlite3_value* from) {
  Value value;
  switch (sqlite3_value_type(from)) {
    case SQLITE_INTEGER:
      value.tag = Tag::kInt64;
      value.integer = sqlite3_value_int64(from);
      break;
    case SQLITE_FLOAT:
      value.tag = Tag::kReal;
      value.real = sqlite3_value_double(from);
      break;
    case SQLITE_TEXT:
      value.tag = Tag::kText;
      value.bytes = TextOf(from);
      break;
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const char*>(sqlite3_value_blob(from));
      value.tag = Tag::kBlob;
      value.bytes = {bytes, static_cast<size_t>(sqlite3_value_bytes(from))};
      break;
    }
    default:
      break;
  }
  return value;
}

void SetResult(sqlite3_context* context, const Entries& entries) {
  if (entries.tags.empty()) return sqlite3_result_null(context);
  const Value value = EntryReader(entries).Next();
  switch (value.tag) {
    case Tag::kInteger:
    case Tag::kInt64:
      return sqlite3_result_int64(context, value.integer);
    case Tag::kReal:
      return sqlite3_result_double(context, value.real);
    case Tag::kText:
    case Tag::kShared:
      return sqlite3_result_text64(context, value.bytes.data(), value.bytes.size(), SQLITE_TRANSIENT,
                                   SQLITE_UTF8);
    case Tag::kBlob:
      if (value.bytes.empty()) return static_cast<void>(sqlite3_result_zeroblob64(context, 0));
      return sqlite3_result_blob64(context, value.bytes.data(), value.bytes.size(), SQLITE_TRANSIENT);
    default:
      return sqlite3_result_null(context);
  }
}

// False if the statement should fail.
bool Ask(Function& function, HostCall& call) {
  call.function = function.id;
  call.bigints = function.host.bigints;
  if (!function.host.host->Call(call)) return false;
  if (call.exception == 0) return true;
  if (function.host.exception == 0) function.host.exception = call.exception;
  return false;
}

// Ends the statement, if it should stop: until the progress handler asks next, it may make hundreds of calls.
void EndIfStopped(sqlite3_context* context) {
  if (Function::Of(context).host.should_stop()) sqlite3_result_error_code(context, SQLITE_INTERRUPT);
}

void Answer(sqlite3_context* context, HostCall& call) {
  if (Ask(Function::Of(context), call)) {
    SetResult(context, call.result);
    EndIfStopped(context);
  } else {
    sqlite3_result_error(context, "a function failed", -1);
  }
}

// False if the host can't take them: then the call has failed.
bool TakeArguments(sqlite3_context* context, int count, sqlite3_value** arguments, HostCall& call) {
  for (int i = 0; i < count; ++i) {
    call.arguments.push_back(ToValue(arguments[i]));
    const Value& value = call.arguments.back();
    // SQLite makes the bytes of a zeroblob, and the encoding of a text, only when they are read.
    const bool lost = value.bytes.data() == nullptr &&
                      (value.tag == Tag::kText ||
                       (value.tag == Tag::kBlob && sqlite3_value_type(arguments[i]) == SQLITE_NULL));
    if (lost) {
      sqlite3_result_error_nomem(context);
      return false;
    }
    if (value.tag == Tag::kText && value.bytes.size() > kLongestText) {
      sqlite3_result_error_toobig(context);
      return false;
    }
  }
  return true;
}

void OnCall(sqlite3_context* context, int count, sqlite3_value** arguments) {
  HostCall call;
  if (TakeArguments(context, count, arguments, call)) Answer(context, call);
}

// Number under which the host keeps an aggregate's state; 0 if there was no row and `make` is false.
uint32_t InstanceOf(sqlite3_context* context, bool make) {
  auto* instance = static_cast<uint32_t*>(sqlite3_aggregate_context(context, make ? sizeof(uint32_t) : 0));
  if (instance == nullptr) return 0;
  if (*instance == 0) *instance = ++Function::Of(context).host.last_instance;
  return *instance;
}

void StepWith(HostOperation operation, sqlite3_context* context, int count, sqlite3_value** arguments) {
  HostCall call;
  call.operation = operation;
  call.instance = InstanceOf(context, true);
  if (!TakeArguments(context, count, arguments, call)) return;
  if (!Ask(Function::Of(context), call)) return sqlite3_result_error(context, "an aggregate failed", -1);
  EndIfStopped(context);
}

void OnStep(sqlite3_context* context, int count, sqlite3_value** arguments) {
  StepWith(HostOperation::kStep, context, count, arguments);
}

void OnInverse(sqlite3_context* context, int count, sqlite3_value** arguments) {
  StepWith(HostOperation::kInverse, context, count, arguments);
}

void OnValue(sqlite3_context* context) {
  HostCall call;
  call.operation = HostOperation::kValue;
  call.instance = InstanceOf(context, true);
  Answer(context, call);
}

// Also called to clean up after a failure: the host then only lets go of the state.
void OnFinal(sqlite3_context* context) {
  HostCall call;
  const bool failed = Function::Of(context).host.exception != 0;
  call.operation = failed ? HostOperation::kForget : HostOperation::kFinal;
  call.instance = InstanceOf(context, false);
  if (failed && call.instance == 0) return;
  Answer(context, call);
}

int OnCompare(void* context, int first_size, const void* first, int second_size, const void* second) {
  auto& function = *static_cast<Function*>(context);
  if (function.host.exception != 0) return 0;
  HostCall call;
  call.operation = HostOperation::kCompare;
  for (const auto& [text, size] : {std::pair(first, first_size), std::pair(second, second_size)}) {
    Value value;
    value.tag = Tag::kText;
    value.bytes = {static_cast<const char*>(text), static_cast<size_t>(size)};
    call.arguments.push_back(value);
  }
  // A comparison can't fail. The hooks see `exception`, stop the statement and refuse its commit.
  if (!Ask(function, call) || call.result.tags.empty()) return 0;
  const Value order = EntryReader(call.result).Next();
  const double number = order.tag == Tag::kReal ? order.real : static_cast<double>(order.integer);
  return number < 0 ? -1 : number > 0 ? 1 : 0;
}

}  // namespace

FunctionSpec FunctionSpec::Read(EntryReader& entries) {
  FunctionSpec spec{};
  spec.kind = static_cast<FunctionKind>(entries.Int());
  spec.name = entries.Text();
  spec.argument_count = entries.Int();
  spec.deterministic = entries.Int() != 0;
  spec.direct_only = entries.Int() != 0;
  spec.function = static_cast<uint32_t>(entries.Number());
  return spec;
}

int Define(sqlite3* db, const FunctionSpec& spec, FunctionHost& host) {
  auto function = std::make_unique<Function>(Function{host, spec.function});
  // Without either flag it could not be called from a schema at all, as that is not trusted (see
  // ApplyProfile).
  const int flags = SQLITE_UTF8 | (spec.deterministic ? SQLITE_DETERMINISTIC : 0) |
                    (spec.direct_only ? SQLITE_DIRECTONLY : SQLITE_INNOCUOUS);
  const char* name = spec.name.c_str();
  // sqlite.org/c3ref/create_function.html: the destructor is called even if these fail; that of a collation
  // is not.
  switch (spec.kind) {
    case FunctionKind::kScalar:
      return sqlite3_create_function_v2(db, name, spec.argument_count, flags, function.release(), &OnCall,
                                        nullptr, nullptr, &Function::Release);
    case FunctionKind::kAggregate:
      return sqlite3_create_function_v2(db, name, spec.argument_count, flags, function.release(), nullptr,
                                        &OnStep, &OnFinal, &Function::Release);
    case FunctionKind::kWindow:
      return sqlite3_create_window_function(db, name, spec.argument_count, flags, function.release(), &OnStep,
                                            &OnFinal, &OnValue, &OnInverse, &Function::Release);
    default: {
      const int rc =
          sqlite3_create_collation_v2(db, name, SQLITE_UTF8, function.get(), &OnCompare, &Function::Release);
      if (rc == SQLITE_OK) static_cast<void>(function.release());
      return rc;
    }
  }
}

}  // namespace aiosqlite
