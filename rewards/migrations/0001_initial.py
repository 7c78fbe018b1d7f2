import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import loyalty.migrating
import pgtrigger.compiler
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('ledger', '0001_initial'),
        ('users', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='CodeMark',
            fields=[
                ('brand', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='users.brand')),
                ('counted_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=[], size=None)),
                ('noted_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=[], size=None)),
                ('noted_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('counted_at', models.DateTimeField(help_text='What was committed by then is counted; null: not yet all of it.', null=True)),
                ('time_zone', models.CharField(db_default='', help_text='In which days were counted; another starts afresh.', max_length=64)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='RedemptionMark',
            fields=[
                ('brand', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='users.brand')),
                ('counted_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=[], size=None)),
                ('noted_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=[], size=None)),
                ('noted_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('counted_at', models.DateTimeField(help_text='What was committed by then is counted; null: not yet all of it.', null=True)),
                ('time_zone', models.CharField(db_default='', help_text='In which days were counted; another starts afresh.', max_length=64)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Campaign',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('kind', models.CharField(choices=[('points', 'Points'), ('nft', 'Collectibles'), ('external_rewards', 'External rewards, as miles')], default='points', max_length=16)),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('running', 'Running'), ('paused', 'Paused'), ('ended', 'Ended')], default='draft', max_length=8)),
                ('value_per_point', models.DecimalField(blank=True, decimal_places=6, help_text="What one point costs, in the brand's currency.", max_digits=12, null=True)),
                ('starts_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('ends_at', models.DateTimeField(blank=True, help_text='The first instant at which it is over.', null=True)),
                ('budget_points', models.BigIntegerField(blank=True, help_text='The worth of all codes together; empty: no limit.', null=True)),
                ('budget_codes', models.BigIntegerField(blank=True, help_text='How many codes; empty: no limit.', null=True)),
                ('issued_points', models.BigIntegerField(db_default=0, default=0, editable=False)),
                ('issued_codes', models.BigIntegerField(db_default=0, default=0, editable=False)),
                ('member_limit', models.PositiveIntegerField(blank=True, help_text='Codes that one member may redeem.', null=True)),
                ('code_alphabet', models.CharField(default='0123456789', help_text='Digits and capital letters.', max_length=36)),
                ('code_length', models.PositiveSmallIntegerField(default=9, help_text='Of the whole code, prefix and check character too.', validators=[django.core.validators.MinValueValidator(9), django.core.validators.MaxValueValidator(32)])),
                ('code_prefix', models.CharField(blank=True, max_length=20)),
                ('code_check', models.BooleanField(default=False, help_text='End codes with a character that catches typing errors.')),
                ('code_lifetime_days', models.PositiveSmallIntegerField(blank=True, help_text='Codes expire so long after issue.', null=True)),
                ('email_template', models.CharField(blank=True, help_text="The name of the brand's template; empty: usual one.", max_length=60)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                ('token', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.token')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='campaign_of_brand'), models.UniqueConstraint(fields=('brand', 'name'), name='campaign_name_once'), models.CheckConstraint(condition=models.Q(('kind__in', ['points', 'nft', 'external_rewards']), ('state__in', ['draft', 'running', 'paused', 'ended'])), name='campaign_kind_known'), models.CheckConstraint(condition=models.Q(models.Q(('budget_points__isnull', True), ('issued_points__lte', models.F('budget_points')), _connector='OR'), models.Q(('budget_codes__isnull', True), ('issued_codes__lte', models.F('budget_codes')), _connector='OR')), name='campaign_within_budget'), models.CheckConstraint(condition=models.Q(('issued_codes__gte', 0), ('issued_points__gte', 0)), name='campaign_counts_not_negative'), models.CheckConstraint(condition=models.Q(('ends_at__isnull', True), ('ends_at__gt', models.F('starts_at')), _connector='OR'), name='campaign_ends_after_start'), models.CheckConstraint(condition=models.Q(('code_alphabet__regex', '^[0-9A-Z]{10,36}$'), ('code_length__gte', 9), ('code_length__lte', 32), ('code_prefix__regex', '^[0-9A-Z]*$')), name='campaign_code_form'), models.CheckConstraint(condition=models.Q(('value_per_point__isnull', True), ('value_per_point__gt', 0), _connector='OR'), name='campaign_value_per_point_positive')],
            },
        ),
        migrations.CreateModel(
            name='CampaignUse',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('count', models.PositiveIntegerField()),
                ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rewards.campaign')),
                ('member', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('brand', 'campaign', 'member'), name='campaign_use_once')],
            },
        ),
        migrations.CreateModel(
            name='Category',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=60)),
                ('name', models.CharField(max_length=100)),
                ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                ('parent', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='rewards.category')),
            ],
            options={
                'verbose_name_plural': 'categories',
                'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='category_of_brand'), models.UniqueConstraint(fields=('brand', 'code'), name='category_once')],
                'triggers': [pgtrigger.compiler.Trigger(name='category_stands_in_no_circle', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."parent_id" IS NOT NULL)', func="\n                    PERFORM pg_advisory_xact_lock(hashtextextended('rewards_category ' || NEW.brand_id, 0));\n                    IF NEW.parent_id = NEW.id OR EXISTS (\n                        WITH RECURSIVE above(id, parent_id) AS (\n                            SELECT id, parent_id FROM rewards_category WHERE id = NEW.parent_id\n                            UNION SELECT c.id, c.parent_id FROM rewards_category c JOIN above a ON c.id = a.parent_id\n                        ) SELECT FROM above WHERE id = NEW.id\n                    ) THEN\n                        RAISE EXCEPTION 'a category stands in no circle' USING ERRCODE = 'check_violation',\n                            CONSTRAINT = 'category_stands_in_no_circle';\n                    END IF;\n                    RETURN NEW;\n                ", hash='ea337fe90be670fbdce0e5979b42fcdc32ba1c5f', operation='INSERT OR UPDATE', pgid='pgtrigger_category_stands_in_no_circle_538a5', table='rewards_category', when='BEFORE'))],
            },
        ),
        migrations.CreateModel(
            name='CodeBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('count', models.BigIntegerField(help_text='How many codes it is to have.')),
                ('generated', models.BigIntegerField(default=0)),
                ('value', models.BigIntegerField(help_text='What each code is worth.')),
                ('length', models.PositiveSmallIntegerField()),
                ('alphabet', models.CharField(max_length=36)),
                ('prefix', models.CharField(blank=True, max_length=20)),
                ('check_character', models.BooleanField()),
                ('expires_at', models.DateTimeField(null=True)),
                ('actor', models.CharField(help_text='Who asked: staff:<id>, command.', max_length=60)),
                ('first_code_id', models.BigIntegerField(null=True)),
                ('last_code_id', models.BigIntegerField(null=True)),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('stopping', 'Stopping'), ('stopped', 'Stopped'), ('finished', 'Finished'), ('closed', 'Closed, the rest of its budget returned')], default='queued', max_length=8)),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When a worker may take it up; a lease moves it on.')),
                ('attempts', models.PositiveSmallIntegerField(default=0, help_text='Since its last chunk; at the most it is stopped.')),
                ('fault', models.CharField(blank=True, help_text='Why it stopped of its own accord.', max_length=200)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('finished_at', models.DateTimeField(null=True)),
                ('closed_at', models.DateTimeField(null=True)),
                ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                ('campaign', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='batches', to='rewards.campaign')),
            ],
            options={
                'verbose_name_plural': 'code batches',
                'permissions': [('generate_codes', 'Can order codes in bulk, stop, resume and close batches'), ('download_codes', 'Can see and download codes')],
                'indexes': [models.Index(condition=models.Q(('state__in', ('queued', 'running', 'stopping'))), fields=['due_at', 'id'], name='code_batch_due'), models.Index(fields=['campaign', '-id'], name='code_batch_newest')],
                'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='code_batch_of_brand'), models.CheckConstraint(condition=models.Q(('count__gt', 0), ('generated__gte', 0), ('generated__lte', models.F('count')), ('value__gt', 0)), name='code_batch_within_count'), models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'stopping', 'stopped', 'finished', 'closed'])), name='code_batch_state_known'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', False), ('generated', models.F('count')), ('state', 'finished')), models.Q(models.Q(('state', 'finished'), _negated=True), ('finished_at__isnull', True), ('generated__lt', models.F('count'))), _connector='OR'), name='code_batch_finished_is_whole'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', False), ('state', 'closed')), models.Q(models.Q(('state', 'closed'), _negated=True), ('closed_at__isnull', True)), _connector='OR'), name='code_batch_closed_has_instant')],
                'triggers': [pgtrigger.compiler.Trigger(name='code_batch_moves_on', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE _is_valid_transition BOOLEAN;', func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{queued:running,queued:stopped,running:finished,running:stopping,running:stopped,stopping:stopped,stopped:queued,stopped:running,stopped:closed}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;', hash='b051dfe5daf272ac0fff2dc245ab23669065b042', operation='UPDATE', pgid='pgtrigger_code_batch_moves_on_32113', table='rewards_codebatch', when='BEFORE')), pgtrigger.compiler.Trigger(name='code_batch_keeps_its_terms', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."campaign_id" IS DISTINCT FROM (NEW."campaign_id") OR OLD."brand_id" IS DISTINCT FROM (NEW."brand_id") OR OLD."count" IS DISTINCT FROM (NEW."count") OR OLD."value" IS DISTINCT FROM (NEW."value"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='8b77d75174fb9b7e2b9c13eb44d3a69d7dfcd512', operation='UPDATE', pgid='pgtrigger_code_batch_keeps_its_terms_b6850', table='rewards_codebatch', when='BEFORE')), pgtrigger.compiler.Trigger(name='code_batch_settled_is_final', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."state" IN (\'finished\', \'closed\') AND OLD."generated" IS DISTINCT FROM (NEW."generated"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='7337f13f1291cff45643dad56a7a94c5dccb7a1e', operation='UPDATE', pgid='pgtrigger_code_batch_settled_is_final_aa946', table='rewards_codebatch', when='BEFORE'))],
            },
        ),
        migrations.CreateModel(
            name='Code',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=32)),
                ('value', models.BigIntegerField(help_text='Points, or items of a collectible.')),
                ('reference_id', models.CharField(help_text="The partner's own; once among the brand's codes.", max_length=255, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('expires_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('redeemed_at', models.DateTimeField(null=True)),
                ('actor', models.CharField(help_text='Who asked for it alone: key:<id>; null: see its batch.', max_length=60, null=True)),
                ('mail_id', models.BigIntegerField(help_text='The e-mail that carried it; it may be gone with its recipient.', null=True)),
                ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rewards.campaign')),
                ('member', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                ('batch', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rewards.codebatch')),
            ],
            options={
                'permissions': [('revoke_code', 'Can revoke codes')],
                'constraints': [models.UniqueConstraint(fields=('brand', 'code'), name='code_once'), models.UniqueConstraint(condition=models.Q(('reference_id__isnull', False)), fields=('brand', 'reference_id'), name='code_reference_once'), models.CheckConstraint(condition=models.Q(('value__gt', 0)), name='code_value_positive'), models.CheckConstraint(condition=models.Q(models.Q(('member__isnull', True), ('redeemed_at__isnull', True)), models.Q(('member__isnull', False), ('redeemed_at__isnull', False), ('revoked_at__isnull', True)), _connector='OR'), name='code_redeemed_by_someone')],
                'triggers': [pgtrigger.compiler.Trigger(name='code_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='76ed426c084d91b4e4ec1bb287c6584ea73e4175', operation='DELETE', pgid='pgtrigger_code_no_delete_f5841', table='rewards_code', when='BEFORE')), pgtrigger.compiler.Trigger(name='code_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='c44fda31723c669f0494c4679c5e459d57b01e3e', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_code_no_truncate_54bf0', table='rewards_code', when='BEFORE')), pgtrigger.compiler.Trigger(name='code_redeemed_is_final', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."redeemed_at" IS NOT NULL)', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='8a035ba310e729679893f895c80888cb2dd7743c', operation='UPDATE', pgid='pgtrigger_code_redeemed_is_final_45fd7', table='rewards_code', when='BEFORE')), pgtrigger.compiler.Trigger(name='code_keeps_its_worth', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."value" IS DISTINCT FROM (NEW."value") OR OLD."code" IS DISTINCT FROM (NEW."code") OR OLD."campaign_id" IS DISTINCT FROM (NEW."campaign_id") OR OLD."brand_id" IS DISTINCT FROM (NEW."brand_id"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='798e91dea7b1e7c70f57d5d01afa4db6842a1690', operation='UPDATE', pgid='pgtrigger_code_keeps_its_worth_3b1fc', table='rewards_code', when='BEFORE'))],
            },
        ),
        migrations.CreateModel(
            name='CodeTries',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('scope', models.CharField(choices=[('member', 'member'), ('key', 'key'), ('brand', 'brand')], max_length=6)),
                ('subject_id', models.BigIntegerField()),
                ('window_at', models.DateTimeField(help_text='When the hour began that is counted.')),
                ('tries', models.PositiveIntegerField()),
                ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
            ],
            options={
                'verbose_name_plural': 'code tries',
                'constraints': [models.UniqueConstraint(fields=('brand', 'scope', 'subject_id'), name='code_tries_once')],
            },
        ),
        migrations.CreateModel(
            name='Collectible',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('serial', models.BigIntegerField(help_text='1, 2, 3, ... within the token.')),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('approved', 'Approved'), ('rejected', 'Rejected')], max_length=8, null=True)),
                ('personalised_data', models.JSONField(help_text='What the owner asks for; personal.', null=True)),
                ('reason', models.TextField(blank=True, help_text='Why it was decided so.')),
                ('decided_by', models.CharField(blank=True, max_length=60)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                ('member', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                ('token', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.token')),
                ('transaction', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.transaction')),
            ],
            options={
                'permissions': [('decide_personalisation', 'Can decide about personalisations')],
                'indexes': [models.Index(condition=models.Q(('member__isnull', False)), fields=['brand', '-updated_at', '-id'], name='collectible_newest'), models.Index(condition=models.Q(('status', 'pending')), fields=['brand', 'updated_at', 'id'], name='collectible_to_decide'), models.Index(fields=['member', 'updated_at', 'id'], name='collectible_of_member')],
                'constraints': [models.UniqueConstraint(fields=('brand', 'token', 'serial'), name='collectible_serial_once'), models.CheckConstraint(condition=models.Q(('serial__gte', 1)), name='collectible_serial_positive'), models.CheckConstraint(condition=models.Q(('status__isnull', True), ('status__in', ['pending', 'approved', 'rejected']), _connector='OR'), name='collectible_status_known'), models.CheckConstraint(condition=models.Q(models.Q(('personalised_data__isnull', True), ('status__isnull', True)), models.Q(('personalised_data__isnull', False), ('status__isnull', False)), _connector='OR'), name='collectible_wish_is_told')],
                'triggers': [pgtrigger.compiler.Trigger(name='collectible_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='df78245dc9e9fadab151a0c66c50f4eff2f9bec7', operation='DELETE', pgid='pgtrigger_collectible_no_delete_b2549', table='rewards_collectible', when='BEFORE')), pgtrigger.compiler.Trigger(name='collectible_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='1b028a9d085dc2e9e5bcfa88a1bf2cca718d59c7', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_collectible_no_truncate_e048e', table='rewards_collectible', when='BEFORE')), pgtrigger.compiler.Trigger(name='collectible_follows_ledger', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE movement RECORD;', func="\n                    IF TG_OP = 'UPDATE' THEN\n                        IF NEW.brand_id <> OLD.brand_id OR NEW.token_id <> OLD.token_id OR NEW.serial <> OLD.serial THEN\n                            RAISE EXCEPTION 'a collectible keeps its token and number' USING ERRCODE = 'check_violation',\n                                CONSTRAINT = 'collectible_follows_ledger';\n                        END IF;\n                        IF NEW.member_id IS NOT DISTINCT FROM OLD.member_id\n                           AND NEW.transaction_id = OLD.transaction_id THEN\n                            RETURN NEW;\n                        END IF;\n                    END IF;\n                    SELECT a.member_id, a.token_id, a.brand_id, t.amount INTO movement\n                    FROM ledger_transaction t JOIN ledger_account a ON a.id = t.account_id WHERE t.id = NEW.transaction_id;\n                    IF movement.token_id IS DISTINCT FROM NEW.token_id OR movement.brand_id IS DISTINCT FROM NEW.brand_id\n                       OR (NEW.member_id IS NOT NULL AND (movement.member_id <> NEW.member_id OR movement.amount <= 0))\n                       OR (NEW.member_id IS NULL AND (TG_OP = 'INSERT' OR movement.amount >= 0\n                           OR movement.member_id IS DISTINCT FROM OLD.member_id)) THEN\n                        RAISE EXCEPTION 'a collectible moves only through the ledger' USING ERRCODE = 'check_violation',\n                            CONSTRAINT = 'collectible_follows_ledger';\n                    END IF;\n                    RETURN NEW;\n                ", hash='72a0b79970e1a9ea22d0060569b25822dab10714', operation='INSERT OR UPDATE', pgid='pgtrigger_collectible_follows_ledger_5235f', table='rewards_collectible', when='BEFORE'))],
            },
        ),
        migrations.CreateModel(
            name='CollectibleSupply',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('supply_limit', models.BigIntegerField(blank=True, help_text='Items there may ever be; empty: no limit.', null=True)),
                ('issued', models.BigIntegerField(db_default=0, default=0, editable=False)),
                ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                ('token', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='supply', to='ledger.token')),
            ],
            options={
                'verbose_name_plural': 'collectible supplies',
                'constraints': [models.UniqueConstraint(fields=('brand', 'token'), name='collectible_supply_once'), models.CheckConstraint(condition=models.Q(('issued__gte', 0), models.Q(('supply_limit__isnull', True), ('issued__lte', models.F('supply_limit')), _connector='OR')), name='collectible_supply_within_limit')],
            },
        ),
        migrations.CreateModel(
            name='DailyCodes',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('codes', models.BigIntegerField()),
                ('value', models.BigIntegerField(help_text='Points, or items of a collectible, of all together.')),
                ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rewards.campaign')),
            ],
            options={
                'verbose_name_plural': 'daily codes',
                'constraints': [models.UniqueConstraint(fields=('brand', 'day', 'campaign'), name='daily_codes_once'), models.CheckConstraint(condition=models.Q(('codes__gt', 0), ('value__gt', 0)), name='daily_codes_positive')],
            },
        ),
        migrations.CreateModel(
            name='RewardType',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('description', models.TextField(blank=True)),
                ('price', models.BigIntegerField(help_text='Points.')),
                ('stock', models.BigIntegerField(blank=True, help_text='All there ever was; empty: no limit. A pool sets it itself.', null=True)),
                ('handed_out', models.BigIntegerField(db_default=0, default=0, editable=False)),
                ('member_limit', models.PositiveIntegerField(blank=True, help_text='How many one member may have.', null=True)),
                ('fulfilment', models.CharField(choices=[('pool', 'A code from an uploaded pool'), ('generated', 'A code made on the spot'), ('physical', 'A gift that is sent')], default='generated', max_length=10)),
                ('active', models.BooleanField(default=True, help_text='Whether it is offered at all.')),
                ('valid_from', models.DateTimeField(blank=True, null=True)),
                ('valid_until', models.DateTimeField(blank=True, help_text='The first instant at which it is over.', null=True)),
                ('website', models.CharField(blank=True, max_length=300, validators=[django.core.validators.URLValidator(['http', 'https'])])),
                ('images', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=500, validators=[django.core.validators.URLValidator(['http', 'https'])]), blank=True, default=list, help_text='Addresses of pictures.', size=None)),
                ('sends_email', models.BooleanField(default=True, help_text='Mail the code to the member.')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                ('category', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rewards.category')),
                ('token', models.ForeignKey(help_text='What it is paid with.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.token')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='reward_type_of_brand'), models.CheckConstraint(condition=models.Q(('fulfilment__in', ['pool', 'generated', 'physical'])), name='reward_type_fulfilment_known'), models.CheckConstraint(condition=models.Q(('price__gt', 0)), name='reward_type_price_positive'), models.CheckConstraint(condition=models.Q(('handed_out__gte', 0), models.Q(('stock__isnull', True), ('stock__gte', models.F('handed_out')), _connector='OR')), name='reward_type_within_stock'), models.CheckConstraint(condition=models.Q(models.Q(('fulfilment', 'pool'), _negated=True), ('stock__isnull', False), _connector='OR'), name='reward_type_pool_has_stock'), models.CheckConstraint(condition=models.Q(('valid_from__isnull', True), ('valid_until__isnull', True), ('valid_until__gt', models.F('valid_from')), _connector='OR'), name='reward_type_valid_forwards')],
            },
        ),
        migrations.CreateModel(
            name='Reward',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=100)),
                ('handed_out_at', models.DateTimeField(null=True)),
                ('used_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                ('member', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                ('transaction', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.transaction')),
                ('reward_type', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='rewards', to='rewards.rewardtype')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('member__isnull', False)), fields=['reward_type', 'member'], name='reward_of_member'), models.Index(condition=models.Q(('member__isnull', False)), fields=['member', 'handed_out_at', 'id'], name='reward_of_member_by_time'), models.Index(condition=models.Q(('member__isnull', True), ('used_at__isnull', True)), fields=['reward_type', 'id'], name='reward_in_pool')],
                'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='reward_of_brand'), models.UniqueConstraint(fields=('brand', 'code'), name='reward_code_once'), models.CheckConstraint(condition=models.Q(models.Q(('handed_out_at__isnull', True), ('member__isnull', True), ('transaction__isnull', True)), models.Q(('handed_out_at__isnull', False), ('member__isnull', False), ('transaction__isnull', False)), _connector='OR'), name='reward_handed_out_whole'), models.CheckConstraint(condition=models.Q(('code', ''), _negated=True), name='reward_code_not_empty')],
                'triggers': [pgtrigger.compiler.Trigger(name='reward_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='03e824a4d5cc95335d3079d7264e318bcc3dc06d', operation='DELETE', pgid='pgtrigger_reward_no_delete_86532', table='rewards_reward', when='BEFORE')), pgtrigger.compiler.Trigger(name='reward_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='1312ad0a178cb8cdafc5ac359a4d6275d156b52b', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_reward_no_truncate_d6990', table='rewards_reward', when='BEFORE')), pgtrigger.compiler.Trigger(name='reward_follows_ledger', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."transaction_id" IS NOT NULL)', func="\n                    IF NOT EXISTS (\n                        SELECT FROM ledger_transaction t JOIN ledger_account a ON a.id = t.account_id\n                        WHERE t.id = NEW.transaction_id AND t.brand_id = NEW.brand_id AND a.member_id = NEW.member_id\n                          AND t.amount < 0\n                    ) THEN\n                        RAISE EXCEPTION 'a reward is paid by its member' USING ERRCODE = 'check_violation',\n                            CONSTRAINT = 'reward_follows_ledger';\n                    END IF;\n                    RETURN NEW;\n                ", hash='ef49698263dd785298d216868f4187fa965d5ee8', operation='INSERT OR UPDATE', pgid='pgtrigger_reward_follows_ledger_bbd11', table='rewards_reward', when='BEFORE')), pgtrigger.compiler.Trigger(name='reward_keeps_its_member', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."member_id" IS NOT NULL AND (OLD."member_id" IS DISTINCT FROM (NEW."member_id") OR OLD."transaction_id" IS DISTINCT FROM (NEW."transaction_id")))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='ad34a931be9bda8f430bec1f98dc7246b305d44c', operation='UPDATE', pgid='pgtrigger_reward_keeps_its_member_9c925', table='rewards_reward', when='BEFORE')), pgtrigger.compiler.Trigger(name='reward_used_is_final', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."used_at" IS NOT NULL AND OLD."used_at" IS DISTINCT FROM (NEW."used_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='82dcaaef3f2b02e7788daaf099b5cbe1659a4267', operation='UPDATE', pgid='pgtrigger_reward_used_is_final_6fd71', table='rewards_reward', when='BEFORE'))],
            },
        ),
        migrations.CreateModel(
            name='GiftOrder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('exchange', 'exchange'), ('cancellation', 'cancellation'), ('in_preparation', 'in_preparation'), ('in_delivery', 'in_delivery'), ('delivered', 'delivered'), ('returned', 'returned')], default='exchange', max_length=16)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                ('reward', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='order', to='rewards.reward')),
            ],
            options={
                'permissions': [('move_giftorder', 'Can move orders')],
                'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='gift_order_of_brand'), models.CheckConstraint(condition=models.Q(('status__in', ['exchange', 'cancellation', 'in_preparation', 'in_delivery', 'delivered', 'returned'])), name='gift_order_status_known')],
            },
        ),
        migrations.CreateModel(
            name='GiftOrderMove',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('from_status', models.CharField(choices=[('exchange', 'exchange'), ('cancellation', 'cancellation'), ('in_preparation', 'in_preparation'), ('in_delivery', 'in_delivery'), ('delivered', 'delivered'), ('returned', 'returned')], max_length=16)),
                ('to_status', models.CharField(choices=[('exchange', 'exchange'), ('cancellation', 'cancellation'), ('in_preparation', 'in_preparation'), ('in_delivery', 'in_delivery'), ('delivered', 'delivered'), ('returned', 'returned')], max_length=16)),
                ('actor', models.CharField(max_length=60)),
                ('reason', models.TextField(blank=True)),
                ('moved_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                ('member', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                ('order', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='moves', to='rewards.giftorder')),
            ],
            options={
                'indexes': [models.Index(fields=['member', 'moved_at', 'id'], name='gift_order_move_of_member')],
                'constraints': [models.UniqueConstraint(fields=('brand', 'order', 'to_status'), name='gift_order_move_once')],
                'triggers': [pgtrigger.compiler.Trigger(name='gift_order_move_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='6fcc5cf74c67eeac58f2a7d098e214c3c3d01b1b', operation='DELETE', pgid='pgtrigger_gift_order_move_no_delete_16dea', table='rewards_giftordermove', when='BEFORE')), pgtrigger.compiler.Trigger(name='gift_order_move_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='ff9dd4f6cc76604414b1cb6dfce496b4f2094737', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_gift_order_move_no_truncate_36f1e', table='rewards_giftordermove', when='BEFORE')), pgtrigger.compiler.Trigger(name='gift_order_move_stays', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."order_id" IS DISTINCT FROM (NEW."order_id") OR OLD."member_id" IS DISTINCT FROM (NEW."member_id") OR OLD."from_status" IS DISTINCT FROM (NEW."from_status") OR OLD."to_status" IS DISTINCT FROM (NEW."to_status") OR OLD."actor" IS DISTINCT FROM (NEW."actor") OR OLD."moved_at" IS DISTINCT FROM (NEW."moved_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='c48ad6684f53dfe1dd29d4ccbfd4632613ba5847', operation='UPDATE', pgid='pgtrigger_gift_order_move_stays_2fdc8', table='rewards_giftordermove', when='BEFORE'))],
            },
        ),
        migrations.CreateModel(
            name='Location',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('street', models.CharField(blank=True, max_length=200)),
                ('city', models.CharField(max_length=100)),
                ('country', models.CharField(blank=True, max_length=100)),
                ('zip', models.CharField(blank=True, max_length=20)),
                ('geolocation', models.CharField(blank=True, max_length=100)),
                ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='location_of_brand')],
            },
        ),
        migrations.CreateModel(
            name='RedeemedCodes',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('codes', models.BigIntegerField()),
                ('value', models.BigIntegerField(help_text='Points, or items of a collectible, of all together.')),
                ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rewards.campaign')),
            ],
            options={
                'verbose_name_plural': 'redeemed codes',
                'constraints': [models.UniqueConstraint(fields=('brand', 'campaign'), name='redeemed_codes_once'), models.CheckConstraint(condition=models.Q(('codes__gt', 0), ('value__gt', 0)), name='redeemed_codes_positive')],
            },
        ),
        migrations.CreateModel(
            name='PoolDraft',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('actor', models.CharField(max_length=60)),
                ('text', models.TextField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                ('reward_type', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='rewards.rewardtype')),
            ],
        ),
        migrations.CreateModel(
            name='RewardTypeLocation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                ('location', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='rewards.location')),
                ('reward_type', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='rewards.rewardtype')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('brand', 'reward_type', 'location'), name='reward_type_location_once')],
            },
        ),
        migrations.CreateModel(
            name='RewardTypeText',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('language', models.CharField(max_length=8)),
                ('name', models.CharField(max_length=100)),
                ('description', models.TextField(blank=True)),
                ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                ('reward_type', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='texts', to='rewards.rewardtype')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('brand', 'reward_type', 'language'), name='reward_type_text_once')],
            },
        ),
        migrations.AddField(
            model_name='rewardtype',
            name='locations',
            field=models.ManyToManyField(related_name='+', through='rewards.RewardTypeLocation', to='rewards.location'),
        ),
        loyalty.migrating.InstallTriggers(
            model_names=['Category', 'CodeBatch', 'Code', 'Collectible', 'Reward', 'GiftOrderMove'],
        ),
    ]
