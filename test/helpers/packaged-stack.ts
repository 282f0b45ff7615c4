/** The CloudFormation template that `npm run package` makes, for any stage. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as z from 'zod';
import { SERVICE_DIRECTORY, serverlessArguments, serverlessEnvironment } from '../../local/serverless-command.ts';
import { type Statement, statementsOfRole } from '../../local/aws/policies.ts';
import { StackValues } from '../../local/aws/stack-values.ts';

/** Others may be first. */
const TIMEOUT_MS = 400_000;

const templateSchema = z.object({
  Resources: z.record(
    z.string(),
    z.looseObject({
      Type: z.string(),
      Properties: z.record(z.string(), z.unknown()).default({}),
      DeletionPolicy: z.string().optional(),
      UpdateReplacePolicy: z.string().optional(),
    }),
  ),
});
type Resource = z.infer<typeof templateSchema>['Resources'][string];

/** Packages for real, bundles and all, in a folder of its own. */
export async function packageStack(stage: string): Promise<PackagedStack> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeboot-package-'));
  try {
    const args = serverlessArguments(['package', '--package', join(folder, 'package')], stage);
    // A bundle with an error never ends. Whatever --package says, the framework works in the service's own .serverless: one at a time.
    const alone = ['flock', '--no-fork', join(SERVICE_DIRECTORY, 'serverless.yml')];
    await promisify(execFile)('setpriv', ['--pdeathsig', 'KILL', '--', ...alone, process.execPath, ...args], {
      cwd: SERVICE_DIRECTORY,
      env: serverlessEnvironment({ EDGEBOOT_BUILD_FOLDER: `.esbuild/${stage}-${process.pid}` }),
      timeout: TIMEOUT_MS,
    });
    const text = await readFile(join(folder, 'package', 'cloudformation-template-update-stack.json'), 'utf8');
    return new PackagedStack(stage, templateSchema.parse(JSON.parse(text)).Resources);
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(join(SERVICE_DIRECTORY, '.esbuild', `${stage}-${process.pid}`), { recursive: true, force: true });
  }
}

export class PackagedStack {
  readonly stage: string;
  readonly resources: Readonly<Record<string, Resource>>;
  readonly #values: StackValues;

  constructor(stage: string, resources: Readonly<Record<string, Resource>>) {
    this.stage = stage;
    this.resources = resources;
    this.#values = new StackValues(resources);
  }

  /** Logical ids of all resources of a type. */
  idsOf(type: string): string[] {
    return Object.keys(this.resources).filter((id) => this.resources[id]?.Type === type);
  }

  /** A resource's properties, its intrinsic functions resolved. */
  properties(id: string): Record<string, unknown> {
    return this.#values.resolve(this.resources[id]?.Properties) as Record<string, unknown>;
  }

  allOf(type: string): Record<string, unknown>[] {
    return this.idsOf(type).map((id) => this.properties(id));
  }

  /** Statements by role. */
  roles(): Map<string, Statement[]> {
    return new Map(this.idsOf('AWS::IAM::Role').map((id) => [id, statementsOfRole(id, this.resources)]));
  }

  /** Functions by full name, with the logical id of their role. */
  functions(): { readonly name: string; readonly roleId: string }[] {
    return this.idsOf('AWS::Lambda::Function').map((id) => {
      const { FunctionName, Role } = z
        .object({ FunctionName: z.string(), Role: z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.literal('Arn')]) }) })
        .parse(this.resources[id]?.Properties);
      return { name: FunctionName, roleId: Role['Fn::GetAtt'][0] };
    });
  }
}
