// Package guard says whether a change of a stack may be planned before anybody has looked at it. A plan runs what the
// configuration names: providers, modules from elsewhere, programs that give credentials. Whoever can open a pull request could
// have the agent run a program of theirs, with the stack's credentials, by a plan alone.
//
// It reads two commits as package stack does and compares what terraform would load and run ([Alone]):
//
//   - the terraform blocks of all modules, with the backend, and the lock file; blanks and comments do not count;
//   - the providers, and the modules that are not in the repository, with their versions;
//   - the configuration of providers and of backends, and what it refers to, as far as that leads;
//   - the programs that any of these names, and the data sources that run some.
//
// What cannot be read, or not to the end, is a reason to wait. Package stack, which finds the files, imports nothing of this one.
package guard
