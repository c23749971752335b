//go:build !faults

package store

// newestSchema is the schema that this program writes, and the newest that it knows. Only a build for tests plays a later version.
func newestSchema() int { return schemaVersion }

// withPlayed are steps forward with those of a later version that is played.
func withPlayed(steps map[int]func(*Tx) error) map[int]func(*Tx) error { return steps }
