module iuran.invalid/foreign

go 1.25.0

require (
	github.com/transparency-dev/formats v0.1.1
	github.com/transparency-dev/merkle v0.0.2
	golang.org/x/mod v0.40.0
)

require (
	filippo.io/mldsa v1.0.0 // indirect
	golang.org/x/crypto v0.52.0 // indirect
)
