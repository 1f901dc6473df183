package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"tajdeed/schema"
	"tajdeed/schema/extract"
)

// resident is whom an example applies for, as schema/examples/resident.json writes one.
type resident struct {
	CivilID   string          `json:"civil_id"`
	Article   schema.Article  `json:"article"`
	SponsorID string          `json:"sponsor_id"`
	Passport  passportOfFile  `json:"passport"`
	id        schema.CivilID  // CivilID, read
	passport  schema.Passport // Passport, read
}

type passportOfFile struct {
	Number    string `json:"number"`
	Country   string `json:"country"`
	ExpiresOn string `json:"expires_on"`
}

// readResidents returns a resident for each language. All are as the file says, except for
// their Civil IDs: a residency that was renewed cannot be renewed again at once.
func readResidents(path string) ([]resident, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the example's resident: %w", err)
	}
	var like resident
	if err := json.Unmarshal(body, &like); err != nil {
		return nil, fmt.Errorf("read the example's resident: %w", err)
	}
	expires, err := schema.ParseDate(like.Passport.ExpiresOn)
	if err != nil {
		return nil, fmt.Errorf("read the example's resident: %w", err)
	}
	like.passport = schema.Passport{Number: like.Passport.Number, Country: like.Passport.Country, ExpiresOn: expires}
	born := schema.NewDate(1991, time.March, 1)
	var all []resident
	for serial := 0; len(all) < len(languages); serial++ {
		if id, ok := schema.NewCivilID(born, serial); ok {
			like.id, like.CivilID = id, id.String()
			all = append(all, like)
		}
	}
	return all, nil
}

// writeExtract writes the register that knows the residents. Their residencies expire in a
// month, when the window for a renewal is open.
func writeExtract(dir string, residents []resident, today schema.Date) error {
	sponsor := schema.Sponsor{Kind: schema.SponsorCompany}
	if _, err := fmt.Sscan(residents[0].SponsorID, &sponsor.ID); err != nil {
		return fmt.Errorf("read the example's sponsor: %w", err)
	}
	w, err := extract.Create(dir, extract.FormatCSV)
	if err != nil {
		return err
	}
	_ = w.Sponsor(sponsor) // the first error sticks, and Close returns it
	for _, r := range residents {
		_ = w.Resident(schema.Resident{CivilID: r.id, Passport: r.passport})
		_ = w.Residency(schema.Residency{
			CivilID: r.id, Article: r.Article, SponsorID: sponsor.ID, Relation: schema.RelationEmployee, ExpiresOn: today.AddDays(30),
		})
	}
	return w.Close()
}

// placedPartitions are the numbers of partitions in the columns of partitions.txt. Neither is
// a power of two: there, partitioners that differ from Java's agree with it.
var placedPartitions = [...]int{7, 12}

// placed is a line of partitions.txt: a key, and the partition that it belongs in for each of
// placedPartitions.
type placed struct {
	key string
	in  [len(placedPartitions)]int
}

func readPartitions(path string) ([]placed, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read where keys belong: %w", err)
	}
	var all []placed
	for line := range strings.Lines(string(body)) {
		var p placed
		if _, err := fmt.Sscan(line, &p.key, &p.in[0], &p.in[1]); err != nil {
			return nil, fmt.Errorf("read where keys belong: line %d: %w", len(all)+1, err)
		}
		all = append(all, p)
	}
	return all, nil
}
