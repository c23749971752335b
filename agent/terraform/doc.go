// Package terraform runs terraform on a stack's root module, and makes of its output what people decide on.
//
// [Plan] is the whole of it: a root module in a fresh checkout goes in, and a saved plan, its summary and its text come
// out. [Init] only tries whether that would work. [Unlock], [PushState], [RestoreState], [BringState] and [Command] are what people order
// by hand. Applying is not done here: that is the business of a process that outlives the agent, see package runner.
//
// # The packages below
//
//	binary       which terraform it is, and whether it is still the same file
//	cache        init with what earlier inits have fetched, and without registry and git host
//	credentials  the repository's token and key, lent to an init; roles in AWS, lent to a plan or an apply
//	environ      the environment that terraform gets
//	cliconfig    the configuration of terraform's command line that a plan gets; pure
//	varfile      values of variables as a file, and the texts in one
//	rootmodule   what a root module in a checkout says of its state and its variables, and its var files of these
//	keptstate    the states that the agent keeps: where they lie, and how one is put back that a plan has changed
//	planfile     the plan file taken from terraform: digested, durable
//	planjson     what a plan says: its JSON, its text, and the state in its file; pure
//	jsonlog      what terraform writes with -json, and how far an apply has come; pure
//	diag         what terraform's errors mean, and what a person can do; pure
//	private      files that nobody else may read
//	release      downloads a version of terraform
//
// Of these, cache imports binary, diag and private; credentials imports diag, environ and private; binary imports diag and release;
// jsonlog imports diag; environ imports private; keptstate imports planjson and private; rootmodule imports diag and keptstate. None
// imports this package.
//
// # What a plan leaves behind
//
// In PlanOptions.OutDir: plan.tfplan, the saved plan, with secrets in clear; terraform.lock.hcl, the lock file as used;
// plan.txt, the redacted text; environment.json, the paths for [environ.ForApply]. The apply also needs DataDir with the
// providers, and the checkout, whose files it may read. Variables and credentials are written to files of mode 0600 for as
// long as terraform needs them, never to a command line; the repository's token and key are in no file, and lent at sockets while
// an init runs.
//
// # Processes
//
// A plan costs init, plan and two shows, and no init where the stack's last one brought the same (see [cache.Cache.Reuse]); a workspace other than default costs select (or new as well) and show. The version
// is asked once per binary. init, plan and workspaces go through terraform-exec; show does not, because terraform-exec
// holds all of the output in memory. Cancelling the context sends one SIGINT, and PlanOptions.Grace later everything that is left is
// killed.
//
// # Errors
//
// Every refusal of terraform is a [*diag.Error] with terraform's own diagnostics, whether it may pass by itself, and a hint.
package terraform
