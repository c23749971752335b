// Package credentials lends terraform what it needs to get at things, for as long as it needs it, and to one user of the machine.
//
// [Git.Lend] lends an init the credentials of the stack's own repository, for private modules. The token is in no file and on no
// command line: git asks for it at a socket, once for each repository, and gets it for those that it is meant for. A deploy key is
// signed with at another socket, by another user's git, and cannot be read. A preview, which nobody has approved, gets neither
// unless the configuration says so; [Loan.Explain] says in that case why a module could not be read.
//
// [AWS.Write] and [AWS.Lend] take on a role for a plan or an apply with the credentials of the instance, renew what runs out, and take
// the file away at the end. Terraform itself then needs no way to the instance's own credentials.
//
// The package imports asuser, whom something is lent to; diag, for errors; environ and private, for the variables and the files by
// which a program finds what it was lent.
package credentials
