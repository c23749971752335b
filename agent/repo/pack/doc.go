// Package pack brings objects into a repository on this disk as packs, in a process of its own.
//
// What comes from a repository can take memory without measure, and go-git can panic on it in goroutines of its own. So an
// [Unpacker] starts this program once more as a child ([Main]), hands it one [Order] and, of a fetch, the pack, and gets an answer
// or learns how the child died. The child bounds its own memory and looks at the size of each object before anything is expanded.
//
// An order is to put what a server sends into a repository, to copy from another repository on this disk, to save what can be read
// of a damaged one, or to join small packs. Either way a new pack is read back whole, made durable and only then has its name;
// packs that it replaces are still there, for the agent to remove.
package pack
