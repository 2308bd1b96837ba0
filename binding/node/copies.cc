#include "node/copies.h"

#if defined(__APPLE__)
#include <dlfcn.h>
#include <mach-o/dyld.h>
#elif !defined(_WIN32)
#include <dlfcn.h>
#include <link.h>
#endif

#include <cstring>
#include <string_view>
#include <vector>

// Copies know each other by this symbol.
extern "C" {
#if !defined(_WIN32)
__attribute__((visibility("default")))
#endif
extern const char aiosqlite_addon_version[];
}
const char aiosqlite_addon_version[] = AIOSQLITE_VERSION;

namespace aiosqlite {

const char* PackageVersion() { return aiosqlite_addon_version; }

#if defined(_WIN32)

std::string EarlierCopy() { return {}; }

#else

namespace {

bool IsAddon(const std::string& path) {
  constexpr std::string_view kSuffix = ".node";
  return path.size() > kSuffix.size() &&
         path.compare(path.size() - kSuffix.size(), kSuffix.size(), kSuffix) == 0;
}

// Files of all native addons in the process, in the order in which they were loaded.
std::vector<std::string> LoadedAddons() {
  std::vector<std::string> paths;
#if defined(__APPLE__)
  for (uint32_t i = 0; i < _dyld_image_count(); ++i) {
    const char* name = _dyld_get_image_name(i);
    if (name != nullptr && IsAddon(name)) paths.emplace_back(name);
  }
#else
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* found) {
        if (IsAddon(info->dlpi_name))
          static_cast<std::vector<std::string>*>(found)->emplace_back(info->dlpi_name);
        return 0;
      },
      &paths);
#endif
  return paths;
}

}  // namespace

std::string EarlierCopy() {
  for (const std::string& path : LoadedAddons()) {
    void* copy = dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD);
    if (copy == nullptr) continue;
    const auto* version = static_cast<const char*>(dlsym(copy, "aiosqlite_addon_version"));
    const bool is_own = version == aiosqlite_addon_version;
    const bool is_equal = version != nullptr && std::strcmp(version, aiosqlite_addon_version) == 0;
    dlclose(copy);
    if (is_own) return {};
    if (is_equal) return path;
  }
  return {};
}

#endif

}  // namespace aiosqlite
