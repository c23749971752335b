// Package stack answers which paths of a repository belong to a Terraform stack, from the files of one commit. It is
// pure: it reads a [Tree] and nothing else, so that what changed can be told for any two commits without a checkout.
//
// A stack's files ([Footprint]) are
//
//   - everything below its directory. The directory "." is the whole repository for the same reason;
//   - the local modules that it calls (`source = "../modules/x"`), and those that they call, each with everything below it;
//   - its var files, wherever they lie;
//   - what its expressions, and those of its modules, read: `file("${path.module}/../x")`, `templatefile`, `fileset` and the
//     like, and paths that arguments name, such as source_dir of an archive;
//   - what symlinks in any of these lead to, and the links themselves;
//   - what its watch globs match, relative to the repository's root.
//
// Which files are configuration depends on the engine: see [hclfile.Files].
//
// Texts are followed through local values, variables with a value that is known here, what modules are called with, and the
// functions with which people put paths together. Where they can be one thing or the other both count. What is not known in the end
// is told ([Files.Unknown]): of a file that is read, so that people can name it in watch; of a module's source every change counts
// as well, and no pull request is planned before somebody has looked at it.
//
// Files that cannot be parsed do not hide a change: what could be read of them is followed, and the directory that
// holds them counts anyway. Files that cannot be read at all (a symlink to nowhere, out of the repository, to a directory)
// are the faults of the stacks that use them, and of nobody else. Local modules are looked for from where a directory really
// lies, as terraform does.
//
// What of it decides what terraform loads and runs while it plans is the business of package guard, which reads it with [Read].
package stack
