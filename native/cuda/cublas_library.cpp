#include "cuda/cublas_library.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "gradus/plugin.h"

namespace gradus {

namespace {

namespace fs = std::filesystem;

constexpr const char* kNames[] = {"libcublasLt.so.13", "libcublasLt.so.12"};

/** lib64 of each CUDA that is installed, the newest first; as a pattern where there is none. */
std::vector<std::string> installedFolders() {
  std::vector<std::string> folders;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator("/usr/local", failed)) {
    if (entry.path().filename().string().rfind("cuda", 0) == 0) {
      folders.push_back((entry.path() / "lib64").string());
    }
  }
  std::sort(folders.rbegin(), folders.rend());
  if (folders.empty()) folders.emplace_back("/usr/local/cuda*/lib64");
  return folders;
}

/** Goes from place to place and remembers where it has been. */
class Search {
 public:
  bool finds(const char* place, const std::string& prefix, int flags) {
    tried_ += (tried_.empty() ? "" : ", ") + std::string(place);
    for (const char* name : kNames) {
      const std::string path = prefix + name;
      library_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | flags);
      if (library_ != nullptr) return true;
      // Where the file is there, it is another library that is missing, or an old system.
      const char* why = dlerror();
      if (!prefix.empty() && fs::exists(path)) tried_ += std::string(" (") + why + ")";
    }
    return false;
  }

  /** In the folders that the linker knows. */
  bool findsLinked() {
    if (linked_) return false;
    linked_ = true;
    return finds("the linker's path", "", 0);
  }

  /** An empty one stands for those that the linker knows. */
  bool findsIn(const std::string& folder) {
    return folder.empty() ? findsLinked() : finds(folder.c_str(), folder + "/", 0);
  }

  void* library() const { return library_; }
  const std::string& tried() const { return tried_; }

 private:
  void* library_ = nullptr;
  bool linked_ = false;
  std::string tried_;
};

void* find(const std::vector<std::string>& folders) {
  Search search;
  if (search.finds("this process", "", RTLD_NOLOAD)) return search.library();
  for (const std::string& folder : folders) {
    if (search.findsIn(folder)) return search.library();
  }
  if (search.findsLinked()) return search.library();
  for (const std::string& folder : installedFolders()) {
    if (search.findsIn(folder)) return search.library();
  }
  throw std::runtime_error(
      "matmul: cuBLASLt is needed for products on a GPU: there is no libcublasLt.so.13 in " +
      search.tried() + "; install CUDA 13's or name its folder with -Dgradus.cuda.path");
}

}  // namespace

cublas::Functions openCublasLt(const std::vector<std::string>& folders) {
  void* library = find(folders);
  cublas::Functions f;
  auto take = [&](auto& function, const char* name) {
    function = findSymbol<std::decay_t<decltype(function)>>(library, name);
  };
  take(f.cublasLtGetVersion, "cublasLtGetVersion");
  take(f.cublasLtGetStatusName, "cublasLtGetStatusName");
  take(f.cublasLtCreate, "cublasLtCreate");
  take(f.cublasLtDestroy, "cublasLtDestroy");
  take(f.cublasLtMatmulDescCreate, "cublasLtMatmulDescCreate");
  take(f.cublasLtMatmulDescSetAttribute, "cublasLtMatmulDescSetAttribute");
  take(f.cublasLtMatmulDescDestroy, "cublasLtMatmulDescDestroy");
  take(f.cublasLtMatrixLayoutCreate, "cublasLtMatrixLayoutCreate");
  take(f.cublasLtMatrixLayoutSetAttribute, "cublasLtMatrixLayoutSetAttribute");
  take(f.cublasLtMatrixLayoutDestroy, "cublasLtMatrixLayoutDestroy");
  take(f.cublasLtMatmulPreferenceCreate, "cublasLtMatmulPreferenceCreate");
  take(f.cublasLtMatmulPreferenceSetAttribute, "cublasLtMatmulPreferenceSetAttribute");
  take(f.cublasLtMatmulPreferenceDestroy, "cublasLtMatmulPreferenceDestroy");
  take(f.cublasLtMatmulAlgoGetHeuristic, "cublasLtMatmulAlgoGetHeuristic");
  take(f.cublasLtMatmulAlgoCheck, "cublasLtMatmulAlgoCheck");
  take(f.cublasLtMatmul, "cublasLtMatmul");
  return f;
}

std::string describe(const cublas::Functions& cublasLt) {
  const size_t version = cublasLt.cublasLtGetVersion();
  Dl_info info = {};
  dladdr(reinterpret_cast<const void*>(cublasLt.cublasLtMatmul), &info);
  return "cuBLASLt " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) +
         "." + std::to_string(version % 100) + " (" +
         (info.dli_fname == nullptr ? "" : info.dli_fname) + ")";
}

}  // namespace gradus
