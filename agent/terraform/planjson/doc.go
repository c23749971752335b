// Package planjson reads what a plan says: its JSON, the state inside its file, and its text. It runs nothing and writes only to
// the writers that it is given, so that each of its rules is tried without terraform.
//
// # A plan's JSON
//
// [Parse] reads `terraform show -json` one resource at a time and drops every attribute value as soon as it was compared: values
// hold secrets, and a plan can be hundreds of megabytes of them. [Plan.Summary] makes of it what people decide on.
//
//   - Class: a change is drift if terraform found its object changed outside, recreation if it found the object gone, and else
//     the configuration's doing.
//   - Follows: a change is said to follow from recreated objects if nothing else can be its cause.
//   - Protected, Replaceable: patterns of addresses, see [Matches].
//   - Fingerprint: equal for two plans that would do the same, whenever they were made.
//
// [Hide] takes secrets out of the names in it: a key of for_each is a value.
//
// # The state that a plan was made against
//
// [ReadState] takes it from the plan file itself: asking the backend could answer with a state that is newer than the plan.
//
// # A plan's text
//
// [TextWriter] redacts terraform's words on their way into a file. It works in parts, of which none ends inside of a secret.
//
// The package imports only the store, whose words a summary is made of.
package planjson
