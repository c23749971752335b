package agent

import (
	"sallyport/agent/config"
	"sallyport/store"
)

// planResult is what every engine's plan comes to.
type planResult struct {
	Plan      store.Plan
	Text      string   // for people, redacted
	Warnings  []string // for people who decide
	Resources int      // in the state before
	Origin    *store.Origin
	Notes     []string // what else they should know
	Images    []store.ImageUse
}

// ending is how an apply ended.
type ending struct {
	to         store.Status
	text, hint string
	artifacts  []store.Artifact // what a build has made
}

// terraformEngine is the engine of root modules: its methods are the agent's own.
type terraformEngine struct{ *engines }

// engineOf is the engine of a stack or of a run, by the name that it has there. A run of before there were several has none.
func (a *engines) engineOf(name string) engine {
	if name == config.EnginePacker {
		return packerEngine{a}
	}
	return terraformEngine{a}
}

// workBuild is what a worker does for a run of an image, whatever it is: builds are counted for themselves.
const workBuild = "build"

// workOn is what a worker does for a run of an engine.
func workOn(engine, what string) string {
	if engine == config.EnginePacker {
		return workBuild
	}
	return what
}
