// Command sallyport is the agent, its command line and the runner of its applies, in one binary.
package main

import (
	"os"

	"sallyport/agent/cli"
)

// version is set by release builds: -ldflags "-X main.version=1.2.3".
var version string

func main() {
	os.Exit(cli.Main(cli.Invocation{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Version: version,
	}))
}
