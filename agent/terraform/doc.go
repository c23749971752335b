// Package terraform runs terraform's init, plan and show, and makes of their output what people decide on.
//
// [Plan] is the whole of it: a root module in a fresh checkout goes in, and a saved plan, its summary and its text come
// out. [binary.Find] says which terraform does it. Applying is not done here: that is the business of a process that outlives
// the agent, which reads the stream of an apply with [jsonlog.Read] and [jsonlog.Progress].
//
// # What a plan leaves behind
//
// In PlanOptions.OutDir: plan.tfplan, the saved plan, with secrets in clear; terraform.lock.hcl, the lock file as used;
// plan.txt, the redacted text; environment.json, the paths for [environ.ForApply]. The apply also needs DataDir with the
// providers, and the checkout, whose files it may read. Variables and credentials are written to files of mode 0600 for as
// long as terraform needs them, never to a command line; the repository's token and key are in none, and lent at sockets while an init runs.
//
// # Processes
//
// A plan costs init, plan and two shows; a workspace other than default costs select (or new as well) and show. The version
// is asked once per binary. init, plan and workspaces go through terraform-exec; show does not, because terraform-exec
// holds all of the output in memory. Cancelling the context sends one SIGINT, and PlanOptions.Grace later everything that is left is
// killed.
//
// # Without registry and git host
//
// See [Cache]. Providers come from a store that earlier inits have filled. At a commit that was planned before, the lock
// file and the remote modules are those of that time, and nothing is asked of anybody. At a new commit a normal init is
// tried first; if it fails because something could not be reached, what the stack used last is tried, with a warning.
//
// # Errors
//
// Every refusal of terraform is an [*diag.Error] with terraform's own diagnostics, whether it may pass by itself, and a hint.
// Terraform has no error codes: its texts are told apart in package diag and nowhere else.
package terraform
