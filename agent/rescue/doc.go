// Package rescue keeps the agent's memory from being lost: it checks the store before anything opens it, takes snapshots
// while the store is in use, and puts the newest good one in the place of a store that is damaged.
//
// # The check
//
// A file that was cut short kills the process that reads it, and nothing in that process can prevent it. So [Child.Check]
// starts the program again as `sallyport store-check PATH` ([Main]) and looks at how that ends. What is not damage (another agent has
// the file, a newer version wrote it, it is not there, it may not be read) comes back as the store's own errors.
//
// # A damaged store
//
// [Store] moves it to quarantine/ and never deletes it, takes the newest snapshot that passes the check, makes it fit to go
// on from ([GoOn]), pauses the agent and queues one message to people. The steps, each durable before the next:
//
//	quarantine/rescue.json    what is about to be done, and why; removed when it is done
//	sallyport.db              -> quarantine/TIME-sallyport.db
//	sallyport.db.rescue       a copy of the snapshot, changed, synced
//	sallyport.db.rescue       -> sallyport.db
//
// A kill between any two of them is found by rescue.json at the next start, and the rest is done then. Nothing is ever
// overwritten: every rename refuses to replace.
//
// # Snapshots
//
// They lie in snapshots/, named by their time, and can be put in the place of sallyport.db by hand as well. A snapshot gets its
// name only after it was synced and has passed the check.
package rescue
