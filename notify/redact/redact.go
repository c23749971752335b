// Package redact keeps secrets and control bytes out of whatever people read.
//
// A [Secret] is a string that prints as (redacted) in every format, so that a configuration can be logged without
// thought. A [Redactor] knows the values of secrets and removes them from text on its way to any sink: Slack, the
// log, the store, a terminal. [Clean] strips what could take over a terminal or forge a line.
package redact
