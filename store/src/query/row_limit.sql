-- Volatile, so that the planner does not evaluate it ahead of the CASE around it.
create or replace function logweir.refuse_row(bytes bigint, most bigint) returns boolean
language plpgsql volatile parallel safe as $$
begin
  raise exception 'a row of the answer has % bytes, at most % are answered; select fewer columns, or put less together in one value', bytes, most
    using errcode = '54000';
end $$;
