// Package odb reads the object database of a git repository on this disk: its commits, its directories, its files.
//
// go-git does the reading, and believes what it reads; only the indexes of packs are read by an [Index] of ours, since go-git would
// hold them in memory. Here each object is held against its hash ([ReadObject]), so that a flipped bit on a disk does not become a
// changed plan; what is missing or broken is [ErrDamaged], and what this machine is to blame for (no memory, no permission) is not.
// A [Walker] tells whether everything below a directory is there. All of it is bounded, because a few crafted directories can stand
// for more paths than there are atoms.
//
// Nothing here writes.
package odb
