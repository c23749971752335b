// Package configs holds the files that a new installation starts from, so that the binary can write them anywhere.
package configs

import _ "embed"

// SampleConfig is sallyport.hcl: a commented configuration of one repository, one stack and Slack, to be edited.
//
//go:embed sallyport.hcl
var SampleConfig string

// Unit is sallyport.service: the systemd unit, which expects the binary in /usr/local/bin.
//
//go:embed sallyport.service
var Unit string

// SlackManifest is slack-manifest.yaml: the Slack app with exactly the scopes that the agent uses.
//
//go:embed slack-manifest.yaml
var SlackManifest string

// SlackManifestButtons is slack-manifest-buttons.yaml: the same app with interactivity, Socket Mode and message events.
//
//go:embed slack-manifest-buttons.yaml
var SlackManifestButtons string
