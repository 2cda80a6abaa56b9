ALTER TABLE feeds ADD COLUMN validators_from TEXT;                       -- origin that gave them; NULL: that of the address asked
ALTER TABLE first_documents ADD COLUMN links TEXT;                       -- the Link headers that name hubs and the topic, JSON
