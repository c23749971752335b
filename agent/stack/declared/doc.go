// Package declared answers whether what a person asks of a plan is there: the variable that is given a value, the resource that
// is to be replaced. Terraform takes no notice of an address that it does not know, and a plan that was asked for takes the place of
// the one that waits for an approval; so it is asked before.
//
// It reads the files of one commit ([Read]), the root module and the local modules that it calls. What a module from elsewhere holds
// is in no commit: the answer is then [Untold], and so it is where a file cannot be parsed. Which instances of a resource there are
// is known to its state alone; [InState] reads one.
package declared
