// Package stack answers which paths of a repository belong to a Terraform stack, from the files of one commit. It is
// pure: it reads a [Tree] and nothing else, so that what changed can be told for any two commits without a checkout.
//
// A stack's files ([Footprint]) are
//
//   - everything below its directory: what a template or a file() reads cannot be told from the outside, so all of it
//     counts. The directory "." is the whole repository for the same reason;
//   - the local modules that it calls (`source = "../modules/x"`), and those that they call, each with everything below it;
//   - its var files, wherever they lie;
//   - what symlinks in any of these lead to, and the links themselves;
//   - what its watch globs match, relative to the repository's root.
//
// Files that cannot be parsed do not hide a change: what could be read of them is followed, and the directory that
// holds them counts anyway. Files that cannot be read at all (a symlink to nowhere, out of the repository, to a directory)
// are the faults of the stacks that use them, and of nobody else. Local modules are looked for from where a directory really
// lies, as terraform does.
package stack
