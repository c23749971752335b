// Package configs holds the files that a new installation starts from, so that the binary can write them anywhere.
package configs

import _ "embed"

// SampleConfig is sallyport.hcl: a commented configuration of one repository, one stack and Slack, to be edited.
//
//go:embed sallyport.hcl
var SampleConfig string
