// Package tree is the files of one commit: reading them, comparing them, writing them into a directory.
//
// What a commit holds is hostile until shown otherwise, and often only odd: symlinks to nowhere, names that no file system takes,
// submodules. What is wrong with one path is a [*FileError], so that those who do not need it go on. [Write] makes a checkout and
// nothing outside of it; [Changed] lists the paths in which two commits differ, and never misses one; a [Tree] reads single files
// without a checkout, following symlinks as a kernel would.
package tree
