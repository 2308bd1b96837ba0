#include "test.h"

TEST("EXPECT passes what is so") {
  EXPECT(1 + 1 == 2);
  EXPECT(std::string("a") < std::string("b"));
}
