// Package binary finds the terraform that a stack wants, tells whether it is still the same file, and prepares it for being run.
//
// [Find] takes the binary that is configured, else installs the version that is configured, else takes what PATH has, and asks it for
// its version. What was decided on with one binary is applied with that one only: [Digest] gives a file's digest together with its
// [Identity], which tells later without reading ninety megabytes again that the file has not changed. Packer's binary is watched in
// the same way.
//
// [Tool.In] and [Slots] make of a binary what runs it, by way of terraform-exec.
//
// The package imports asuser, for the program that is started in terraform's place; diag, for errors with hints; release, which installs.
package binary
