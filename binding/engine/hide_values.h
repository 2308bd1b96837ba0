// Any thread. What SQLite says of a value while a statement runs must not tell the value.
#pragma once

#include <string>

namespace aiosqlite {

// Takes the value out of a message of sqlite3_step(). Messages go to logs, and values are content of users.
// What is said while a statement is prepared speaks of its text alone and is left as it is.
void HideValues(std::string& message);

}  // namespace aiosqlite
