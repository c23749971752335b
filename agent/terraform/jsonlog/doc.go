// Package jsonlog reads what terraform writes with -json: one event a line.
//
// [Read] and [ParseLine] make events of it, [Progress] tells from the events of an apply how far it has come, and [Sink] keeps the
// errors and warnings of any other operation. Terraform's log of an apply lies on the disk and is read by whoever follows the
// apply, in another process than the one that writes it, and again after a restart.
//
// Lines can be anything: a plugin that crashes writes beside the JSON, and a line can be megabytes long. Nothing of that is an error;
// such a line becomes an event of the type [EventText]. Values of outputs are never decoded.
//
// The package imports only diag, whose diagnostics are one kind of event.
package jsonlog
