package repo

// LimitMemory is what the child does to itself first.
var LimitMemory = limitMemory

// Start starts a goroutine as the package starts its own.
var Start = start
