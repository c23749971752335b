// Package diag says what went wrong in terraform, and what a person can do about it.
//
// Terraform has no error codes. All telling apart of its texts happens here: an [Error] has terraform's own diagnostics, or the end of
// its output where it gives none, and [Error.Judge] finds in them whether the state lock was in the way, whether the same operation
// may succeed later by itself, and a hint. [StalePlan], [LockLeft] and [LockAdvice] do so for the diagnostics of an apply.
//
// Nothing here is redacted, except by [Diagnostic.Redacted]: an error is made of texts that are redacted already.
//
// The package imports nothing of this module.
package diag
