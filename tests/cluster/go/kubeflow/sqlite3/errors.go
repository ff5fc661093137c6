// Package sqlite3 stands in for SQLite's driver, which Kubeflow's API server names for the errors of its unit tests alone.
// With it the server builds without a C compiler, and has no SQLite.
package sqlite3

// ErrNo is a code of SQLite.
type ErrNo int

// ErrConstraint says that a constraint does not hold.
const ErrConstraint ErrNo = 19

// Error is what the driver returns.
type Error struct{ Code ErrNo }

func (Error) Error() string { return "SQLite is not built in" }
