-- Search in text without regard to case and form.

-- BigQuery's collation und:ci.
create collation if not exists logweir."und:ci" (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

-- Text with its cases folded, as Unicode says: upper case knows what becomes several letters. The
-- Turkish letter without a dot is no i; a sigma is one wherever it stands; in Cherokee
-- the capitals are what is folded to.
create or replace function logweir.casefolded(value text) returns text
language sql immutable parallel safe
return translate(
  lower(
    upper(lower(translate(value, 'ı', U&'\+10FFFD') collate "und-x-icu") collate "und-x-icu")
    collate "und-x-icu"
  ) collate "C",
  U&'ς\+10FFFDꭰꭱꭲꭳꭴꭵꭶꭷꭸꭹꭺꭻꭼꭽꭾꭿꮀꮁꮂꮃꮄꮅꮆꮇꮈꮉꮊꮋꮌꮍꮎꮏꮐꮑꮒꮓꮔꮕꮖꮗꮘꮙꮚꮛꮜꮝꮞꮟꮠꮡꮢꮣꮤꮥꮦꮧꮨꮩꮪꮫꮬꮭꮮꮯꮰꮱꮲꮳꮴꮵꮶꮷꮸꮹꮺꮻꮼꮽꮾꮿᏸᏹᏺᏻᏼᏽ',
  'σıᎠᎡᎢᎣᎤᎥᎦᎧᎨᎩᎪᎫᎬᎭᎮᎯᎰᎱᎲᎳᎴᎵᎶᎷᎸᎹᎺᎻᎼᎽᎾᎿᏀᏁᏂᏃᏄᏅᏆᏇᏈᏉᏊᏋᏌᏍᏎᏏᏐᏑᏒᏓᏔᏕᏖᏗᏘᏙᏚᏛᏜᏝᏞᏟᏠᏡᏢᏣᏤᏥᏦᏧᏨᏩᏪᏫᏬᏭᏮᏯᏰᏱᏲᏳᏴᏵ'
);

create or replace function logweir.contains_text(value text, part text) returns boolean
language sql immutable parallel safe
return strpos(
  normalize(logweir.casefolded(normalize(value, NFKC)), NFKC),
  normalize(logweir.casefolded(normalize(part, NFKC)), NFKC)
) > 0;

-- The tokens of LOG_ANALYZER.
create or replace function logweir.log_tokens(value text) returns text[]
language sql immutable parallel safe
return regexp_split_to_array(
  lower(value collate "C"),
  '(?:%(?:21|26|2526|3b|7c|20|2b|3d|2520|5d|5b|3a|0a|2c|28|29)|[][<>(){}|!;,''"*&?+/:=@.$%\\_ \n\r\t\f\v-])+' collate "C"
);

create or replace function logweir.search_text(value text, terms text[]) returns boolean
language sql immutable parallel safe
return coalesce(terms <@ logweir.log_tokens(value), false);
