package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/dashboards/text"
	"tajdeed/schema"
	"tajdeed/schema/extract"
	"tajdeed/schema/postgres"
)

func importCommand() *cli.Command {
	return &cli.Command{
		Name:      "import",
		Category:  categorySetUp,
		Usage:     "fill the empty register from an extract, at go-live",
		ArgsUsage: "FILE|DIR",
		Description: `Reads residents, residencies and sponsors from an extract: one NDJSON file, or a
directory with sponsors.csv, residents.csv and residencies.csv. The format is
documented in schema/extract/README.md.

Every line is checked before anything is written, and every bad one is named by its
file, line, field and rule. Unless all are good nothing is imported; with --skip-bad
the good ones are, and the bad ones go into a file, each with its reason. That file
holds personal data, as the extract does: only its owner can read it.

The extract's digest is recorded. The same extract again changes nothing; another
one is refused, because the register changes by messages from here on. It needs the
role that owns the tables, and the stages should not run yet.

   tajdeed import register.ndjson
   tajdeed import extract/ --skip-bad bad.ndjson

Exit code 3 when the extract or a line of it was refused, whether or not the other
lines were imported.`,
		Flags: []cli.Flag{
			postgresFlag(),
			&cli.StringFlag{Name: "skip-bad", Usage: "import without the bad lines, and collect them in `FILE`, a new one", TakesFile: true},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object that says what was imported"},
		},
		Action: runImport,
	}
}

func runImport(ctx context.Context, c *cli.Command) error {
	if c.NArg() != 1 {
		return command.UsageError(c, fmt.Errorf("one FILE or DIR is wanted, not %d", c.NArg()))
	}
	e, err := extract.Open(c.Args().First())
	if err != nil {
		return err
	}
	pool, err := postgres.Open(ctx, postgresConfig(c))
	if err != nil {
		return err
	}
	defer pool.Close()
	bad := badLines{path: c.String("skip-bad"), errs: c.Root().ErrWriter}
	bad.bar = command.ProgressOfBytes(postgres.ImportPasses*e.Size(), "importing", c.Bool("json"))
	e.Observe(bad.bar.Add)
	began := time.Now()
	result, err := postgres.ImportRegister(ctx, pool, e, postgres.ImportOptions{BadLine: bad.name, SkipBad: bad.path != ""})
	bad.bar.Finish()
	if err = errors.Join(err, bad.close()); err != nil {
		return refusedExtract(err)
	}
	report := importReport{ImportResult: result, seconds: time.Since(began).Seconds(), badFile: bad.path}
	return errors.Join(report.print(c.Root().Writer, c.Bool("json")), report.outcome())
}

// refusedExtract gives an error that is the extract's the exit code for refused input.
func refusedExtract(err error) error {
	_, badHeader := errors.AsType[*extract.LineError](err)
	if badHeader || errors.Is(err, postgres.ErrBadLines) || errors.Is(err, postgres.ErrRegisterNotEmpty) {
		return cli.Exit(err, command.ExitRefused)
	}
	return err
}

// badLines names bad lines, or collects them in a file where there is a path.
type badLines struct {
	path string
	errs io.Writer
	bar  command.Bar
	file *os.File
	to   *json.Encoder
}

// collectedLine is a bad line in the file of --skip-bad.
type collectedLine struct {
	File   string       `json:"file"`
	Line   int          `json:"line"`
	Field  string       `json:"field,omitempty"`
	Rule   extract.Rule `json:"rule"`
	Detail string       `json:"detail"`
	// The line is text, or else bytes.
	Raw   string `json:"raw,omitempty"`
	Bytes []byte `json:"raw_base64,omitempty"`
}

func (b *badLines) name(r *extract.Record, wrong *extract.LineError) error {
	if b.path != "" {
		return b.collect(r, wrong)
	}
	b.bar.Clear()
	_, err := fmt.Fprintln(b.errs, wrong)
	return err
}

// collect writes a bad line with its reason. The file is made for the first one:
// an extract without any leaves none behind.
func (b *badLines) collect(r *extract.Record, wrong *extract.LineError) error {
	if b.file == nil {
		// Only a new file is surely its owner's, and surely no part of the extract.
		file, err := os.OpenFile(b.path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("collect bad lines in a new file: %w", err)
		}
		b.file, b.to = file, json.NewEncoder(file)
	}
	line := collectedLine{File: wrong.File, Line: wrong.Line, Field: wrong.Field, Rule: wrong.Rule, Detail: wrong.Detail}
	if utf8.Valid(r.Raw) {
		line.Raw = string(r.Raw)
	} else {
		line.Bytes = r.Raw
	}
	return b.to.Encode(line)
}

func (b *badLines) close() error {
	if b.file == nil {
		return nil
	}
	return b.file.Close()
}

// importReport is what an import did.
type importReport struct {
	postgres.ImportResult
	seconds float64
	badFile string
}

func (r importReport) rows() int64 { return r.Sponsors + r.Residents + r.Residencies }

func (r importReport) print(out io.Writer, asJSON bool) (err error) {
	switch {
	case asJSON:
		return json.NewEncoder(out).Encode(r.json())
	case r.Repeated:
		_, err = fmt.Fprintf(out, "This extract was imported on %s, Kuwait time: nothing was done.\n", r.ImportedAt.In(schema.Kuwait).Format(time.DateTime))
	default:
		_, err = fmt.Fprintf(out, "Imported %s sponsors, %s residents, %s residencies in %.1f s (%s a second).\nDigest %x\n",
			text.Thousands(r.Sponsors), text.Thousands(r.Residents), text.Thousands(r.Residencies), r.seconds,
			text.Thousands(int64(float64(r.rows())/r.seconds)), r.Digest)
	}
	return err
}

func (r importReport) json() any {
	return struct {
		Digest      string    `json:"digest"`
		Sponsors    int64     `json:"sponsors"`
		Residents   int64     `json:"residents"`
		Residencies int64     `json:"residencies"`
		Skipped     int64     `json:"skipped"`
		Repeated    bool      `json:"repeated"`
		ImportedAt  time.Time `json:"imported_at"`
		Seconds     float64   `json:"seconds"`
	}{hex.EncodeToString(r.Digest[:]), r.Sponsors, r.Residents, r.Residencies, r.Skipped, r.Repeated, r.ImportedAt, r.seconds}
}

// outcome tells a script that lines were left out.
func (r importReport) outcome() error {
	if r.Skipped == 0 || r.Repeated {
		return nil
	}
	return cli.Exit(fmt.Sprintf("%s bad lines were left out and collected in %s", text.Thousands(r.Skipped), r.badFile), command.ExitRefused)
}
